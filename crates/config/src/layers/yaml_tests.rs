//! Tests of the YAML reader, against that of the `config` crate and by itself.

use ::config::{FileFormat, Format, Value, ValueKind};
use proptest::prelude::*;

use super::*;
use crate::layers::tree::Table;

const MAX_CHARS: usize = 1 << 20;

/// A value without origins, which differ between the two readers.
fn plain(value: Value) -> ValueKind {
    match value.kind {
        ValueKind::Table(table) => ValueKind::Table(bare(table)),
        ValueKind::Array(items) => {
            ValueKind::Array(items.into_iter().map(|item| Value::new(None, plain(item))).collect())
        }
        other => other,
    }
}

fn bare(table: Table) -> Table {
    table.into_iter().map(|(key, value)| (key, Value::new(None, plain(value)))).collect()
}

/// The content of a text as this module reads it.
fn read(text: &str) -> Result<ValueKind, Vec<YamlFault>> {
    parse(text, MAX_CHARS).map(|root| plain(root.to_value("s.yml")))
}

/// The content of a text as the `config` crate reads it.
fn by_config(text: &str) -> Option<ValueKind> {
    let table = FileFormat::Yaml.parse(None, text).ok()?;
    Some(ValueKind::Table(bare(table)))
}

fn told(text: &str) -> Vec<String> {
    let faults = read(text).unwrap_err();
    faults
        .into_iter()
        .map(|fault| {
            let mark = fault.mark.unwrap();
            format!("{}:{} {}", mark.line, mark.column, fault.what)
        })
        .collect()
}

fn same(text: &str, as_text: &str) {
    assert_eq!(read(text).unwrap(), by_config(as_text).unwrap(), "{text}");
}

/// All suites in the tests, the docs and the examples.
fn suites() -> Vec<String> {
    let mut texts = Vec::new();
    let top = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders: Vec<_> =
        ["ci-templates", "docs", "examples", "src", "tests"].iter().map(|name| top.join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default().to_owned();
            if entry.file_type().unwrap().is_dir() {
                folders.extend((name != "node_modules").then_some(path));
            } else if ["yml", "yaml"].contains(&end.as_str()) {
                texts.push(std::fs::read_to_string(path).unwrap());
            } else if ["md", "rs"].contains(&end.as_str()) {
                let text = std::fs::read_to_string(path).unwrap();
                texts.extend(
                    text.split("```").filter_map(|block| block.strip_prefix("yaml\n")).map(str::to_owned),
                );
                texts.extend(
                    text.split('"')
                        .filter(|part| part.starts_with("version: 1"))
                        .map(|part| part.replace("\\n", "\n")),
                );
            }
        }
    }
    texts
}

#[test]
fn every_suite_there_is_means_what_it_meant() {
    let mut read_by_both = 0;
    for text in suites().iter().filter(|text| !text.contains("<<")) {
        let ours = read(text);
        // A text that is refused for its size cannot be compared: the crate would write all aliases out.
        if ours.as_ref().is_err_and(|faults| faults[0].what.contains("larger than")) {
            continue;
        }
        match (ours, by_config(text)) {
            (Ok(ours), Some(theirs)) => {
                assert_eq!(ours, theirs, "{text}");
                read_by_both += 1;
            }
            (Err(faults), Some(_)) => panic!("{faults:?}: {text}"),
            // A document that is no table is refused by the caller of this parser.
            (_, None) => {}
        }
    }
    assert!(read_by_both > 50, "{read_by_both}");
}

#[test]
fn scalars_mean_what_they_meant() {
    for scalar in [
        "1",
        "-1",
        "0x1F",
        "0o17",
        "1e3",
        "1.50",
        "99999999999999999999",
        "true",
        "True",
        "yes",
        "on",
        "~",
        "null",
        "",
        "'1'",
        "\"a\\nb\"",
        "!!str 1",
        "!!int 7",
        "!!int x",
        "!!bool true",
        "!!bool no",
        "!!float 1",
        "!!float x",
        "!!null ''",
        "!own x",
        "<<",
        "2026-01-01",
        "a: b: c",
        "- x",
        ".5",
        "+1",
        "1_000",
        ".inf",
        "|\n  x\n   y\n",
        ">-\n  x\n  y\n",
    ] {
        for text in [format!("k: {scalar}"), format!("k: [{scalar}]"), format!("{scalar}: v")] {
            match by_config(&text) {
                Some(theirs) => {
                    let merges = text.starts_with("<<");
                    let odd_key = text.contains("!!int x:")
                        || text.contains("!!bool no:")
                        || text.contains("!!float x:");
                    assert!(
                        merges || odd_key || read(&text).as_ref() == Ok(&theirs),
                        "{text}: {:?} {theirs:?}",
                        read(&text)
                    );
                }
                None => assert!(!matches!(read(&text), Ok(ValueKind::Table(_))), "{text}"),
            }
        }
    }
}

#[test]
fn own_keys_win_over_merged_ones_and_earlier_tables_over_later_ones() {
    let base = "x: &x { a: 1, b: 1 }\ny: &y { b: 2, c: 2 }\n";
    let plainly = "x: { a: 1, b: 1 }\ny: { b: 2, c: 2 }\n";
    for (merging, means) in [
        ("<<: *x", "a: 1, b: 1"),
        ("<<: *x, a: 9", "a: 9, b: 1"),
        ("a: 9, <<: *x", "a: 9, b: 1"),
        ("<<: [*x, *y]", "a: 1, b: 1, c: 2"),
        ("<<: [*y, *x], d: 3", "a: 1, b: 2, c: 2, d: 3"),
        ("<<: { e: 5 }", "e: 5"),
        ("<<: []", ""),
        ("z: { <<: *y }", "z: { b: 2, c: 2 }"),
        ("'<<': *x", "'<<': { a: 1, b: 1 }"),
    ] {
        same(&format!("{base}k: {{ {merging} }}"), &format!("{plainly}k: {{ {means} }}"));
    }
    same(
        "a: &a { v: 1 }\nb: &b\n  <<: *a\n  w: 2\nc:\n  <<: *b\n  v: 3\n",
        "a: { v: 1 }\nb: { v: 1, w: 2 }\nc: { v: 3, w: 2 }",
    );
    same("x: &x [1]\nk: [*x, *x]", "x: [1]\nk: [[1], [1]]");
}

#[test]
fn what_is_wrong_is_told_at_once_and_where_it_stands() {
    assert_eq!(
        told("a: 1\nb:\n  a: 1\n  a: 2\n<<: x\n? [c]\n: 1\na: 3\n"),
        [
            "4:3 does not parse: the key \"a\" is there twice at line 4 column 3",
            "6:3 does not parse: a key is neither text nor a number at line 6 column 3",
            "8:1 does not parse: the key \"a\" is there twice at line 8 column 1",
            "5:5 does not parse: <<: is neither a table nor a list of tables, and takes over nothing else at line 5 \
             column 5",
        ]
    );
    assert_eq!(
        told("k:\n  <<: {}\n  <<: {}"),
        ["3:3 does not parse: the key << is there twice; write one, with a list at line 3 column 3"]
    );
    assert!(told("a: 1\n---\nb: 2")[0].starts_with("3:1 does not parse: there are 2 documents"));
    assert!(told("a: .nan")[0].starts_with("1:4 does not parse: \".nan\" is not a number"));
    assert_eq!(told(&"k: [1]\n".repeat(5_000)).len(), MAX_FAULTS);
}

#[test]
fn aliases_count_as_what_they_stand_for() {
    for (first, next) in [("&a0 [x, x]", "[*B, *B, *B]"), ("&a0 { x: y }", "{ l: *B, m: *B, n: *B }")] {
        let levels = (1..30).map(|n| format!("a{n}: &a{n} {}\n", next.replace('B', &format!("a{}", n - 1))));
        let bomb: String = std::iter::once(format!("a0: {first}\n")).chain(levels).collect();
        for end in ["", "b: [*a"] {
            let told = told(&format!("{bomb}{end}"));
            assert!(told[0].ends_with("is larger than 1 MiB with its aliases written out"), "{told:?}");
        }
    }
    let merged = (1..2_000).map(|n| format!("a{n}: &a{n} {{ <<: *a{}, k{n}: v }}\n", n - 1));
    let merged = merged.collect::<Vec<_>>().concat();
    assert!(told(&format!("a0: &a0 {{ x: y }}\n{merged}"))[0].contains("larger than 1 MiB"));
    let chain = (1..500).map(|n| format!("a{n}: &a{n} [*a{}]\n", n - 1)).collect::<Vec<_>>().concat();
    assert!(told(&format!("a0: &a0 [x]\n{chain}"))[0].ends_with("is nested too deeply"));
}

#[test]
fn places_are_those_of_keys_and_values_also_of_merged_ones() {
    let text = "x-base: &base\n  when: [during]\nexperiments:\n  - name: a\n    env: { \"a.b[0]\": x, a: y }\n    \
                probes:\n      - <<: *base\n        name: p\n";
    let root = parse(text, MAX_CHARS).unwrap();
    let at = |mark: Mark| (mark.line, mark.column);
    for (path, key, value) in [
        ("experiments", (3, 1), (4, 3)),
        ("experiments[0]", (4, 5), (4, 5)),
        ("experiments[0].name", (4, 5), (4, 11)),
        ("experiments[0].env.a.b[0]", (5, 12), (5, 22)),
        ("experiments[0].env.a", (5, 25), (5, 28)),
        ("experiments[0].probes[0].when[0]", (2, 10), (2, 10)),
        ("experiments[0].probes[0].when", (2, 3), (2, 9)),
        // The place of a missing key is that of the table that it is missing in.
        ("experiments[0].fis.template", (4, 5), (4, 5)),
        ("experiments[0].env.c", (5, 5), (5, 5)),
        ("experiments[7].name", (3, 1), (3, 1)),
        ("version", (1, 1), (1, 1)),
    ] {
        assert_eq!((at(root.key_at(path)), at(root.value_at(path))), (key, value), "{path}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_as_before_or_refused(
        text in "([a-c&*:~\"'#|>!?%@,<. \n\\[\\]\\{\\}-]|a: |b: &a |- |\\*a|<<: |\n  |1|true){0,40}",
        place in any::<prop::sample::Index>(),
    ) {
        let ours = read(&text);
        if let (Ok(ours @ ValueKind::Table(_)), Some(theirs)) = (&ours, by_config(&text)) {
            prop_assert!(text.contains("<<") || *ours == theirs, "{ours:?} {theirs:?}");
        }
        if let Ok(root) = parse(&text, MAX_CHARS) {
            // No path may cause a panic, wherever it leads.
            let ends: Vec<usize> = text.char_indices().map(|(end, _)| end).chain([text.len()]).collect();
            root.key_at(&text[..*place.get(&ends)]);
        }
    }
}

#[test]
fn a_character_at_which_a_parser_may_end_is_refused_and_nothing_after_it_is_lost() {
    for (odd, name) in
        [('\0', "0000"), ('\u{1}', "0001"), ('\u{7f}', "007F"), ('\u{9f}', "009F"), ('\u{ffff}', "FFFF")]
    {
        let text = format!("version: 1\nname: a{odd}\nother: b\n");
        let what = format!("2:8 does not parse: the character U+{name} is not allowed at line 2 column 8");
        assert_eq!(told(&text), [what]);
        // The character may also stand between two entries, or in a comment.
        for text in [format!("a: 1\n{odd}\nb: 2\n"), format!("a: 1 # {odd}\nb: 2\n")] {
            assert!(read(&text).is_err(), "{text:?}");
        }
    }
    assert!(read("a: 1\n...\nb: 2\n").is_err());
    assert!(read("a: \"caf\u{e9} \u{1f600}\ttab\"\r\nb: 2\r\n").is_ok());
}
