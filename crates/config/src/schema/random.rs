//! Random suites, made from the tables of keys.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

type Random = BoxedStrategy<Value>;

/// A whole suite that the parser takes.
pub(crate) fn suite() -> Random {
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
    let engine = select(EngineKind::ALL.to_vec())
        .prop_flat_map(|engine| block(blocks::keys(engine)).prop_map(move |block| (engine.as_str(), block)));
    (some(EXPERIMENT.iter().map(of_key).collect()), engine, option::of(vec(probe(), 0..3)))
        .prop_map(|(mut experiment, (engine, mut block), probes)| {
            if engine == EngineKind::Fis.as_str() && !block["templates"].is_object() {
                block["template"] = json!("EXT1");
            }
            experiment[engine] = block;
            if let Some(probes) = probes {
                experiment["probes"] = numbered(probes, "p ");
            }
            experiment
        })
        .boxed()
}

fn probe() -> Random {
    let kind = select(ProbeKind::ALL.to_vec())
        .prop_flat_map(|kind| block(probes::keys(kind)).prop_map(move |block| (kind, block)));
    (some(PROBE.iter().map(of_key).collect()), kind, any::<bool>())
        .prop_map(|(mut probe, (kind, mut block), is_metric)| {
            if kind == ProbeKind::CloudwatchMetric {
                let block = block.as_object_mut().unwrap();
                // Only some durations are periods of CloudWatch.
                block.remove("period");
                if is_metric {
                    block.remove("expression");
                    block.insert("namespace".to_owned(), json!("Shop"));
                    block.insert("metric".to_owned(), json!("Errors"));
                } else {
                    for name in probes::OF_METRIC {
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
            probe[kind.as_str()] = block;
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
            let check = select(proofs().collect::<Vec<_>>()).prop_flat_map(|kind| {
                block(probes::keys(kind)).prop_map(move |block| (kind.as_str(), block))
            });
            (block(keys), check)
                .prop_map(|(mut proof, (name, check))| {
                    proof[name] = check;
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
            let table = table.prop_map(|table| json!(table)).boxed();
            if needed { table } else { prop_oneof![1 => Just(json!(null)), 4 => table].boxed() }
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
        forms.push((1, (0..=10_000_u32).prop_map(|hundredths| json!(f64::from(hundredths) / 100.0)).boxed()));
    }
    if matches!(kind, Kind::Bool)
        || matches!(kind, Kind::Choice(words) if words.contains(&"on") || words.contains(&"true"))
    {
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
        Kind::Score => "0{0,2}[0-9]{1,2}(\\.[0-9]{0,2}0{0,2})?|100(\\.0)?|\\.[0-9]{1,2}".boxed(),
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
        Kind::RoleName => "[a-zA-Z0-9/+=_-]{1,9}".boxed(),
        Kind::Unit => "ou-[a-z0-9]{4}-[a-z0-9]{8}|r-[a-z0-9]{4}".boxed(),
        Kind::S3Folder => "s3://[a-z0-9][a-z.-]{1,9}[a-z0-9](/[a-z0-9_][a-z0-9_. -]{0,3}[a-z]){0,2}/?".boxed(),
        Kind::Shard => "1/[1-9]".boxed(),
        Kind::Repository => "(\\.?[a-z_]{1,4}/)?[0-9]{1,3}|https?://[a-z]{1,3}/[a-z/]{1,5}|git@[a-z]{1,3}:[a-z]{1,3}".boxed(),
        Kind::Commit => "[0-9a-fA-F]{7,64}".boxed(),
        Kind::Number => "[0-9]{1,15}".boxed(),
        Kind::ExperimentName => "[a-z0-9-]{1,64}".boxed(),
        Kind::Address => "([a-z][a-z_-]{0,5}(\\.[a-z]{1,3})?|\\[::1\\]|10\\.0\\.0\\.1):[1-9][0-9]{0,3}".boxed(),
        Kind::Status => "0?[2-5][0-9]{2}|2[0-4][0-9] {0,2}- {0,2}[345][0-9]{2}".boxed(),
        Kind::Statistic => "Average|IQM|p[1-9][0-9](\\.[0-9]{1,2})?|tm100|TM\\([1-4]0%?:(90%?)?\\)|PR\\(:[0-9]\\.5\\)".boxed(),
        // A reference to a variable that is not set is a mistake, and no variable is set here.
        Kind::Variable => Just("${NOT_SET:-}".to_owned()).boxed(),
        Kind::Comparison => "(<|<=|>|>=|==|!=) {0,2}[+-]?([0-9]{1,3}\\.?[0-9]{0,2}|\\.[0-9])([eE]-?[0-9])?".boxed(),
        Kind::Secret | Kind::Only => unreachable!("no secret is in a suite"),
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
