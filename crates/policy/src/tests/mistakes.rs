use super::*;

/// The mistakes in a text, one a line.
fn told(name: &str, text: &str) -> String {
    match Policy::parse(name, text) {
        Ok(policy) => panic!("{text} was taken: {policy:?}"),
        Err(mistakes) => lines(&mistakes),
    }
}

#[test]
fn the_example_of_the_contract_is_taken() {
    let policy = policy(WHOLE);
    assert_eq!(policy.allow.engines, Some(vec![EngineKind::Fis, EngineKind::Command]));
    assert_eq!(policy.allow.templates.unwrap()[0].to_string(), "EXT*");
    assert_eq!(policy.require.tags["environment"], "staging");
    assert_eq!(policy.limits.duration, Some(std::time::Duration::from_secs(1800)));
    assert!(policy.limits.alone && policy.require.logs);
    assert_eq!(policy.windows[0].window().to_string(), "mon-thu 09:00-16:00 (Europe/Berlin)");
    assert_eq!(policy.windows[1].window().to_string(), "2026-12-20..2027-01-05 (UTC)");
}

#[test]
fn a_version_alone_has_no_rules_and_nothing_at_all_is_a_mistake() {
    for (name, text) in [
        ("p.yml", "version: 1"),
        ("p.toml", "version = 1"),
        ("p.json", "{\"version\": 1}"),
        ("FAULTGATE_POLICY", "version: 1"),
        ("FAULTGATE_POLICY", "{\"version\": 1}"),
        ("p.yml", "\u{feff}version: 1"),
    ] {
        let policy = Policy::parse(name, text).unwrap();
        assert_eq!(policy, Policy { origin: name.to_owned(), ..Policy::default() });
    }
    for (name, text) in [
        ("p.yml", ""),
        ("p.yml", "# all of it\n"),
        ("p.yml", "~"),
        ("p.json", " "),
        ("p.json", "{}"),
        ("p.toml", ""),
    ] {
        let told = told(name, text);
        assert!(told.starts_with("policy: the file is empty (from p."), "{told}");
        assert!(told.ends_with("; begin it with version: 1, which alone has no rules\n"), "{told}");
    }
}

#[test]
fn every_mistake_is_told_at_once_with_its_place_and_an_example() {
    let text = r#"version: 2
allow:
  engines: [fiss]
  accounts: [111122223333, "1234"]
  region: [eu-west-1]
  templates: []
deny: { actions: "aws:rds:*" }
require:
  probes: "yes"
  tags: { release: 2026, "": x }
limits: { targets: 0, duration: 30, parallel: 2.5, experiments: many, alone: 1 }
windows:
  - allow: mon-thu 9:00-16:00
    zone: Europe/Berln
  - { allow: "sat", deny: "sun" }
  - zone: UTC
  - { deny: "2027-01-05..2026-12-20" }
  - { deny: "2026-02-30" }
  - { deny: "10:00-10:00" }
  - { deny: }
"#;
    let expected = r#"version: 2 is not a whole number from 1 to 1 (from p.yml:1:10); write for example version: 1
allow.engines[0]: "fiss" is not an engine (from p.yml:3:13); did you mean fis?
allow.accounts[0]: 111122223333 is not a text (from p.yml:4:14); write for example "111122223333"
allow.accounts[1]: "1234" is not an AWS account (from p.yml:4:28); write its 12 digits, for example "111122223333"
allow.region: is not a known key (from p.yml:5:3); did you mean regions?
allow.templates: is an empty list (from p.yml:6:14); leave it out, or write for example ["EXT*"]
deny.actions: "aws:rds:*" is not a list (from p.yml:7:18); write for example ["aws:rds:*"]
require.probes: "yes" is not true or false (from p.yml:9:11); write for example true
require.tags.release: 2026 is not a text (from p.yml:10:20); write for example environment: "staging"
require.tags.: a key of a tag has 1 to 128 characters (from p.yml:10:30); write for example tags: { environment: staging }
limits.targets: 0 is not a whole number from 1 to 1000000 (from p.yml:11:20); write for example 10
limits.duration: 30 is not a text (from p.yml:11:33); write for example 30m
limits.parallel: 2.5 is not a whole number from 1 to 1000000 (from p.yml:11:47); write for example 2
limits.experiments: "many" is not a whole number from 1 to 1000000 (from p.yml:11:65); write for example 20
limits.alone: 1 is not true or false (from p.yml:11:78); write for example true
windows[0].allow: "mon-thu 9:00-16:00" has a time that is none from 00:00 to 24:00 (from p.yml:13:12); write for example mon-thu 09:00-16:00
windows[0].zone: "Europe/Berln" is not a time zone (from p.yml:14:11); did you mean Europe/Berlin?
windows[1]: has both allow and deny (from p.yml:15:5); make two of it, each like - { allow: "mon-thu 09:00-16:00", zone: Europe/Berlin }
windows[2]: has neither allow nor deny (from p.yml:16:5); write for example - { allow: "mon-thu 09:00-16:00", zone: Europe/Berlin }
windows[3].deny: "2027-01-05..2026-12-20" ends before it begins (from p.yml:17:13); write for example 2026-12-20..2027-01-05
windows[4].deny: "2026-02-30" has a date that is in no calendar (from p.yml:18:13); write for example 2026-12-20..2027-01-05
windows[5].deny: "10:00-10:00" ends when it begins (from p.yml:19:13); write 00:00-24:00 for a whole day, or leave out the hours
windows[6].deny: what is empty is not a text (from p.yml:20:7); write for example mon-thu 09:00-16:00
"#;
    let told = told("p.yml", text);
    assert_eq!(told, expected, "\n{told}");
}

#[test]
fn a_pattern_that_no_id_matches_is_a_mistake() {
    let told = |text: &str| lines(&Policy::parse("p.yml", text).err().unwrap_or_default());
    for (right, pattern) in [
        (true, "*"),
        (true, "a*s"),
        (true, "aws:*:stop-*"),
        (true, "aws:fis:wait"),
        (false, "rds:*"),
        (false, "aws"),
        (false, "AWS:rds:*"),
        (false, "aws:rds:*,aws:ec2:*"),
        (false, "aws:rds:.*"),
        (false, "^aws:rds:*"),
        (false, "EXT*"),
        (false, ""),
    ] {
        let told = told(&format!("version: 1\ndeny: {{ actions: [\"{pattern}\"] }}\n"));
        let begin = format!("deny.actions[0]: \"{pattern}\" is a pattern that matches nothing");
        assert_eq!(told.starts_with(&begin), !right, "{pattern}: {told}");
        assert_eq!(told.is_empty(), right, "{pattern}: {told}");
    }
    for (right, pattern) in [(true, "*1"), (true, "E*"), (true, "EXT1"), (false, "EX"), (false, "aws:*")] {
        let told = told(&format!("version: 1\nallow: {{ templates: [\"{pattern}\"] }}\n"));
        assert_eq!(told.is_empty(), right, "{pattern}: {told}");
    }
}

#[test]
fn texts_that_do_not_parse_are_told_in_each_format() {
    for (name, text, want) in [
        ("p.yml", "version: 1\nlimits: [", "does not parse"),
        ("p.yml", "version: 1\nversion: 1", "the key \"version\" is there twice at line 2 column 1"),
        ("p.json", "{\"version\": 1,\n\"version\": 1}", "it has the key version twice at line 2"),
        ("p.json", "{\"version\": 1,", "does not parse"),
        ("p.toml", "version = 1\nversion = 1", "does not parse"),
        ("FAULTGATE_POLICY", "{\"version\": 1, \"version\": 1}", "it has the key version twice"),
        ("p.ini", "version=1", "has no known extension"),
        ("p.yml", "- version: 1", "policy: a list is not a table of keys (from p.yml:1:1)"),
        ("p.yml", "version: 1\nlimits:\n", "limits: what is empty is not a table of keys (from p.yml:2:1)"),
        ("p.yml", "limits: { targets: 1 }", "version: is missing (from p.yml:1:1); write version: 1"),
        ("p.toml", "version = 1\n[limits]\ntarget = 1", "limits.target: is not a known key (from p.toml)"),
        ("p.yml", "version: 1\nwindows: [{ deny: sat, zone: Etc/Unknown }]", "is not a time zone"),
        ("p.yml", "version: 1\nwindows: [{ deny: sat, zone: localtime }]", "is not a time zone"),
        (
            "p.yml",
            "version: 1\nlimits: { duration: 13h }",
            "is out of range (from p.yml:2:21); write 1s to 12h",
        ),
        ("p.yml", "version: 1\nwindows: [{ deny: \"24:00-02:00\" }]", "begins at 24:00"),
        ("p.yml", "version: 1\nwindows: [{ deny: \"mon, tue\" }]", "has a day that is none of"),
        ("p.yml", "version: 1\nwindows: [{ deny: \"22-02\" }]", "is not a window"),
    ] {
        let told = told(name, text);
        assert!(told.contains(want), "{want}: {told}");
    }
}

#[test]
fn files_that_cannot_be_read_are_told_with_who_named_them() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("d.yml")).unwrap();
    std::fs::write(dir.path().join("bad.yml"), b"version: 1\nx: \xff").unwrap();
    std::fs::write(dir.path().join("large.yml"), vec![b'#'; 2 << 20]).unwrap();
    std::fs::write(dir.path().join("good.yml"), "version: 1").unwrap();
    for (name, want) in [
        ("none.yml", "policy: the file \"none.yml\" is not there (from --policy); check the path"),
        ("d.yml", "is not a file"),
        ("bad.yml", "is not valid UTF-8 at line 2"),
        ("large.yml", "is larger than 1 MiB"),
    ] {
        let told = lines(&Policy::read(dir.path(), name, "--policy").unwrap_err());
        assert!(told.contains(want) && told.contains("--policy"), "{told}");
    }
    assert_eq!(Policy::read(dir.path(), "good.yml", "--policy").unwrap().origin, "good.yml");
}

#[test]
fn every_form_of_a_window_is_taken() {
    for (text, zone) in [
        ("mon,wed,fri-sun", "UTC"),
        ("fri-mon 22:00-02:00", "America/New_York"),
        ("2026-12-24 12:00-24:00", "Asia/Kolkata"),
        ("00:00-24:00", "Etc/GMT+5"),
    ] {
        policy(&format!("version: 1\nwindows: [{{ deny: \"{text}\", zone: {zone} }}]"));
    }
}

#[test]
fn the_page_shows_the_example_of_the_contract() {
    let page = include_str!("../../../../docs/policy.md");
    let block = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(policy(block), policy(WHOLE));
}
