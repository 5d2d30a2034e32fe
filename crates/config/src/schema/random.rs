//! Random suites, made from the tables of keys, and random changes to them.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::sample::{Index, select};

use super::*;
use crate::kind::Kind;

type Random = BoxedStrategy<Value>;

/// A whole suite that the parser takes.
pub(super) fn suite() -> Random {
    // Each of these inputs depends on another one, or needs more than a suite to be right.
    let apart = [
        "shard",
        "monitor",
        "event-queue-url",
        "ca-bundle",
        "compare-to",
        "max-score-drop",
        "harness-runtime-inputs",
    ];
    let chosen = |name: &str| apart.contains(&name) || name.ends_with("-id");
    let inputs = INPUTS.iter().filter(|input| input.in_suite() && !chosen(input.name)).map(|input| {
        let value = if input.name == "rehearsal" {
            select(vec![json!("completed"), json!(null)]).boxed()
        } else {
            value(&input.kind, false)
        };
        (input.name, value, false)
    });
    let keys: Vec<_> = inputs.chain(ROOT.iter().map(of_key)).collect();
    (some(keys), vec(experiment(), 1..3), any::<bool>())
        .prop_map(|(mut suite, experiments, in_gate)| {
            suite["version"] = json!(1);
            suite["experiments"] = numbered(experiments, "e");
            let floor = suite.as_object_mut().unwrap().remove("expected-resilience-score");
            match floor {
                Some(floor) if in_gate => suite["gate"] = json!({ "expected-resilience-score": floor }),
                Some(floor) => suite["expected-resilience-score"] = floor,
                None => {}
            }
            suite
        })
        .boxed()
}

/// A list whose items have unique names, and one of which has a weight above 0.
fn numbered(mut items: Vec<Value>, prefix: &str) -> Value {
    for (place, item) in items.iter_mut().enumerate() {
        item["name"] = json!(format!("{prefix}{place}"));
    }
    if let Some(first) = items.first_mut() {
        first["weight"] = json!(1);
    }
    Value::Array(items)
}

fn experiment() -> Random {
    let engine =
        select(ENGINES).prop_flat_map(|(name, _, keys)| block(keys).prop_map(move |block| (name, block)));
    (some(EXPERIMENT.iter().map(of_key).collect()), engine, option::of(vec(probe(), 0..3)))
        .prop_map(|(mut experiment, (engine, block), probes)| {
            experiment[engine] = block;
            if let Some(probes) = probes {
                experiment["probes"] = numbered(probes, "p ");
            }
            experiment
        })
        .boxed()
}

fn probe() -> Random {
    let kind = select(KINDS).prop_flat_map(|kind| block(kind.keys).prop_map(move |block| (kind.name, block)));
    (some(PROBE.iter().map(of_key).collect()), kind, any::<bool>())
        .prop_map(|(mut probe, (kind, mut block), is_metric)| {
            if kind == "cloudwatch-metric" {
                let block = block.as_object_mut().unwrap();
                // Only some durations are periods of CloudWatch.
                block.remove("period");
                if is_metric {
                    block.remove("expression");
                    block.insert("namespace".to_owned(), json!("Shop"));
                    block.insert("metric".to_owned(), json!("Errors"));
                } else {
                    for name in crate::probes::OF_METRIC {
                        block.remove(name);
                    }
                    block.insert("expression".to_owned(), json!("SELECT MAX(x) FROM y"));
                }
            }
            // The two keys need the phases `after` and `during`.
            if is_metric {
                probe.as_object_mut().unwrap().remove("when");
            } else {
                probe.as_object_mut().unwrap().remove("recovers-within");
                probe.as_object_mut().unwrap().remove("aborts-after");
            }
            probe[kind] = block;
            probe
        })
        .boxed()
}

fn block(keys: &'static [Key]) -> Random {
    some(keys.iter().filter(|key| key.name != "ca-bundle").map(of_key).collect())
}

fn of_key(key: &Key) -> (&'static str, Random, bool) {
    let needed = key.needed.is_some();
    let random = match &key.form {
        Form::Value(kind) => value(kind, needed),
        Form::Values(kind) => {
            prop_oneof![value(kind, false), vec(value(kind, true), 1..3).prop_map(Value::from)].boxed()
        }
        Form::Arguments(item) => {
            vec(text(item), 0..3).prop_map(|arguments| [vec![json!("sh")], arguments].concat().into()).boxed()
        }
        Form::Block(keys) => prop_oneof![1 => Just(json!(null)), 4 => block(keys)].boxed(),
        Form::Proof(keys) => {
            let look = select(proofs().collect::<Vec<_>>())
                .prop_flat_map(|kind| block(kind.keys).prop_map(move |block| (kind.name, block)));
            (block(keys), look)
                .prop_map(|(mut proof, (name, look))| {
                    proof[name] = look;
                    proof
                })
                .boxed()
        }
        Form::RuntimeInputs(kind) => {
            let texts = || proptest::collection::btree_map(select(vec!["NS", "a"]), value(kind, true), 0..3);
            (texts(), option::of(texts()))
                .prop_map(|(inputs, task)| {
                    let mut inputs = json!(inputs);
                    if let Some(task) = task {
                        inputs["tasks"] = json!({ "pod-delete": task });
                    }
                    inputs
                })
                .boxed()
        }
        Form::Texts(_, item) => {
            let names = select(vec!["X-Shop", "Service", "a"]);
            let table = proptest::collection::btree_map(names, text(item), 0..3);
            prop_oneof![1 => Just(json!(null)), 4 => table.prop_map(|table| json!(table))].boxed()
        }
    };
    (key.name, random, needed)
}

fn text(item: &Item) -> Random {
    match item {
        Item::Trimmed(kind) => value(kind, false),
        Item::Verbatim { .. } => select(vec![json!(""), json!(" "), json!("-c\n"), json!("${X:-}")]).boxed(),
    }
}

/// A table with every key that is needed, and some of the others.
fn some(keys: Vec<(&'static str, Random, bool)>) -> Random {
    keys.into_iter()
        .map(|(name, random, needed)| {
            let random =
                if needed { random.prop_map(Some).boxed() } else { option::weighted(0.4, random).boxed() };
            random.prop_map(move |value| (name, value))
        })
        .collect::<Vec<_>>()
        .prop_map(|pairs| pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
        .boxed()
}

/// A valid value in one of its forms.
fn value(kind: &Kind, needed: bool) -> Random {
    let word = word(kind);
    if matches!(kind, Kind::Variable) {
        return word.prop_map(Value::from).boxed();
    }
    let mut forms = vec![
        (4, word.clone().prop_map(Value::from).boxed()),
        (1, word.clone().prop_map(|word| json!(format!("  {word}\n"))).boxed()),
        (1, word.prop_map(|word| json!(format!("${{NOT_SET:-{word}}}"))).boxed()),
    ];
    if kind.takes_numbers() && !matches!(kind, Kind::Duration { .. } | Kind::Bool) {
        let (low, high) = match kind {
            Kind::Count { min, max } => (*min, *max),
            Kind::Status => (200, 599),
            _ => (0, 100),
        };
        forms.push((4, (low..=high).prop_map(Value::from).boxed()));
        forms.push((1, (low..=high).prop_map(|number| json!(f64::from(number))).boxed()));
    }
    if matches!(kind, Kind::Score) {
        forms.push((1, (0.0..=100.0).prop_map(|number: f64| json!(number)).boxed()));
    }
    if matches!(kind, Kind::Bool) || matches!(kind, Kind::Choice(words) if words.contains(&"on")) {
        forms.push((4, any::<bool>().prop_map(Value::from).boxed()));
    }
    if matches!(kind, Kind::Bool) {
        forms.push((1, select(vec![json!(0), json!(1)]).boxed()));
    }
    if !needed {
        forms.push((1, select(vec![json!(null), json!(""), json!(" \t")]).boxed()));
    }
    proptest::strategy::Union::new_weighted(forms).boxed()
}

/// A valid value as text.
fn word(kind: &Kind) -> BoxedStrategy<String> {
    let any_case = |words: &[&str]| {
        let all: Vec<_> =
            words.iter().flat_map(|word| [(*word).to_owned(), word.to_ascii_uppercase()]).collect();
        select(all).boxed()
    };
    match kind {
        Kind::Text { max } => {
            let max = *max.min(&40);
            "[!-z]([ -z]{0,36}[!-z])?".prop_filter("fits", move |text| text.len() <= max).boxed()
        }
        Kind::Lines { .. } => "[!-z][ -z\n]{0,20}[!-z]".boxed(),
        Kind::Path => "[a-z./]{1,12}".boxed(),
        Kind::Bool => any_case(&["true", "yes", "on", "1", "false", "no", "off", "0"]),
        Kind::Choice(words) => any_case(words),
        Kind::Score => "0{0,2}[0-9]{1,2}(\\.[0-9]{0,3})?|100(\\.0)?|\\.[0-9]{1,3}".boxed(),
        Kind::Duration { min, max } => {
            let (min, max) = (u64::try_from(min.as_millis()).unwrap(), u64::try_from(max.as_millis()).unwrap());
            (min..=max).prop_map(|millis| written(Duration::from_millis(millis))).boxed()
        }
        Kind::Count { min, max } => (*min..=*max).prop_map(|number| format!("0{number}")).boxed(),
        Kind::Templates => "EXT[0-9a-z]{1,9}([ ,\n]{1,3}EXT[0-9]{1,3}){0,2}[, ]?".boxed(),
        Kind::Template => "EXT[0-9a-z,]{1,13}".boxed(),
        // The paths have no `n`, since pages of Harness are recognised by `/ng/`.
        Kind::Url => "[hH]ttps?://([a-z][a-z-]{0,5}(\\.[a-z]{1,3})?|\\[::1\\])(:[1-9][0-9]{0,3})?(/[a-m/]{0,5})?(\\?[a-z=]{0,4})?(#[a-z])?".boxed(),
        Kind::QueueUrl => "https://sqs(:[1-9][0-9]{0,3})?/[0-9]{1,3}/[a-z]{1,3}".boxed(),
        Kind::Region => "[a-z]{2,3}(-[a-z]{1,5}){1,2}-[0-9]".boxed(),
        Kind::RoleArn => "arn:aws(-[a-z]{0,3})?:iam::[0-9]{12}:role/[a-z/+=@_-]{1,9}".boxed(),
        Kind::Shard => "1/[1-9]".boxed(),
        Kind::Commit => "[0-9a-fA-F]{7,64}".boxed(),
        Kind::Number => "[0-9]{1,15}".boxed(),
        Kind::ExperimentName => "[a-z0-9-]{1,64}".boxed(),
        Kind::Address => "([a-z][a-z_-]{0,5}(\\.[a-z]{1,3})?|\\[::1\\]|10\\.0\\.0\\.1):[1-9][0-9]{0,3}".boxed(),
        Kind::Status => "0?[2-5][0-9]{2}|2[0-4][0-9] {0,2}- {0,2}[345][0-9]{2}".boxed(),
        Kind::Statistic => "Average|IQM|p[1-9][0-9](\\.[0-9]{1,2})?|tm100|TM\\([1-4]0%?:(90%?)?\\)|PR\\(:[0-9]\\.5\\)".boxed(),
        // A reference to a variable that is not set is a mistake, and no variable is set here.
        Kind::Variable => Just("${NOT_SET:-}".to_owned()).boxed(),
        Kind::Comparison => "(<|<=|>|>=|==|!=) {0,2}[+-]?([0-9]{1,3}\\.?[0-9]{0,2}|\\.[0-9])([eE]-?[0-9])?".boxed(),
        Kind::Secret => unreachable!("no secret is in a suite"),
    }
}

fn written(duration: Duration) -> String {
    let millis = duration.as_millis();
    let parts = [
        (millis / 3_600_000, "h"),
        (millis / 60_000 % 60, "m"),
        (millis / 1000 % 60, "s"),
        (millis % 1000, "ms"),
    ];
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    let text = parts.fold(String::new(), |text, (number, unit)| format!("{text}{number}{unit}"));
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// One change to a suite.
#[derive(Debug, Clone)]
pub(super) struct Change {
    place: Index,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Replace(Value),
    Append(&'static str),
    Remove,
    Unknown,
    /// Adds a key of any table, with a value of any kind.
    Add(&'static str, Value),
    Twice,
}

pub(super) fn change() -> impl Strategy<Value = Change> {
    let keys: Vec<_> = KINDS
        .iter()
        .flat_map(|kind| kind.keys.iter().map(|key| key.name).chain([kind.name]))
        .chain(PROBE.iter().chain(EXPERIMENT).map(|key| key.name))
        .chain(INPUTS.iter().filter(|input| input.name != "shard").map(|input| input.name))
        .chain(["version", "gate", "experiments", "probes", "fis", "command"])
        .collect();
    let what = prop_oneof![
        4 => select(junk()).prop_map(What::Replace),
        1 => select(vec!["x", "/", " ", "\u{1}", "@", ".", "0", "é", "\n"]).prop_map(What::Append),
        2 => Just(What::Remove),
        1 => Just(What::Unknown),
        2 => (select(keys), select(junk())).prop_map(|(key, value)| What::Add(key, value)),
        1 => Just(What::Twice),
    ];
    (any::<Index>(), what).prop_map(|(place, what)| Change { place, what })
}

/// Values that are right in a few places and wrong in all others.
pub(super) fn junk() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(101),
        json!(1001),
        json!(0.5),
        json!(100.0),
        json!(1e12),
        json!([]),
        json!({}),
        json!([null]),
        json!([""]),
        json!(["x"]),
        json!(["x", 1]),
        json!(["before"]),
        json!({ "a": "b" }),
        json!({ "a b": "c" }),
        json!({ "a": 1 }),
        json!({ "A=": "x" }),
        json!(""),
        json!(" "),
        json!("x"),
        json!("X y"),
        json!("a/b"),
        json!("5"),
        json!("5m"),
        json!("1h1h"),
        json!("30 parsecs"),
        json!("on"),
        json!("After"),
        json!("true"),
        json!("100.01"),
        json!("1e1"),
        json!("http://a"),
        json!("ftp://a"),
        json!("https://u@h/"),
        json!("http://"),
        json!("http://h:x/"),
        json!("eu-west-1"),
        json!("EU-west-1"),
        json!("< 1"),
        json!("<> 1"),
        json!("< NaN"),
        json!("h:80"),
        json!("h:0"),
        json!("h:65536"),
        json!("a\u{1}b"),
        json!("a\nb"),
        json!("a\0b"),
        json!("${NOT_SET}"),
        json!("${NOT_SET:-x}"),
        json!("${BAD"),
        json!("$${x}"),
        json!("arn:aws:iam::111122223333:role/x"),
        json!("abcdef0"),
        json!("x".repeat(20_000)),
        json!("é"),
        json!("https://q/1/a"),
        json!("http://a/é b"),
        json!("http://a:65536/"),
        json!("arn:aws:iam::1:role/x"),
        json!("abcdefg"),
        json!("EXT1, EXT2"),
        json!(","),
        json!(["EXT1", "a/b"]),
        json!({ "X": "é" }),
        json!({ "X": "" }),
        json!({ "é": "x" }),
        json!(["sh", null]),
        json!(["sh", "a\0b"]),
        json!(" sh "),
        json!(["after", "before"]),
        json!("eu-west-12"),
        json!("\u{a0}5s"),
        json!("100"),
        json!("256"),
        json!("600"),
        json!("51"),
        json!("0"),
        json!("+1"),
        json!(".5"),
        json!("5."),
    ]
}

impl Change {
    pub(super) fn apply(&self, suite: &mut Value) {
        let mut count = 0;
        visit(suite, &mut |_| count += 1);
        let (chosen, mut number) = (self.place.index(count), 0);
        visit(suite, &mut |value| {
            if number == chosen {
                self.what.apply(value);
            }
            number += 1;
        });
    }
}

impl What {
    fn apply(&self, value: &mut Value) {
        match (self, value) {
            (Self::Replace(junk), value) => *value = junk.clone(),
            (Self::Append(tail), Value::String(text)) => text.push_str(tail),
            (Self::Remove, Value::Object(table)) => {
                let key = table.keys().next_back().cloned();
                key.and_then(|key| table.remove(&key));
            }
            (Self::Remove, Value::Array(items)) => items.clear(),
            (Self::Unknown, Value::Object(table)) => {
                table.insert("zzz".to_owned(), json!("x"));
            }
            (Self::Add(key, junk), Value::Object(table)) => {
                table.insert((*key).to_owned(), junk.clone());
            }
            (Self::Twice, Value::Array(items)) if !items.is_empty() => items.push(items[0].clone()),
            (_, value) => *value = json!([value.clone()]),
        }
    }
}

/// Visits every value of a tree, children first. A change is made once, so the value that it puts there is
/// not visited.
fn visit(value: &mut Value, seen: &mut dyn FnMut(&mut Value)) {
    match value {
        Value::Object(table) => table.values_mut().for_each(|value| visit(value, seen)),
        Value::Array(items) => items.iter_mut().for_each(|value| visit(value, seen)),
        _ => {}
    }
    seen(value);
}
