//! Tests of the choice of a part, by names, by items of a plan and by shards.

use std::fs;

use faultgate_core::environment::Environment;
use faultgate_core::mistake::Problem;
use faultgate_core::model::{PlanItem, PlanOrigin, Shard};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::{Outside, Settings, load};

/// A suite of six experiments, `a` to `f`.
const SUITE: &str = "version: 1
experiments:
  - { name: a, fis: { template: EXT1, region: eu-west-1 } }
  - { name: b, fis: { template: EXT2, role-arn: \"arn:aws:iam::111122223333:role/chaos\" }, weight: 3 }
  - { name: c, command: { run: [\"true\"] } }
  - { name: d, fis: { template: EXT4 }, timeout: 20m }
  - { name: e, fis: { template: EXT5 } }
  - { name: f, fis: { template: EXT6 } }
";

fn third_of(_: &Environment, total: Option<u32>) -> Result<Shard, Problem> {
    total.and_then(|total| Shard::new(3, total)).ok_or_else(|| Problem::new("is not enough"))
}

fn load_with(suite: &str, flags: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(".faultgate.yml"), suite).unwrap();
    let flags = flags.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let outside = Outside { find_shard: third_of, ..Outside::default() };
    load(&Environment::default(), flags, dir.path(), outside, &[])
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

fn names(settings: &Settings) -> Vec<&str> {
    settings.plan.experiments.iter().map(|experiment| experiment.name.as_str()).collect()
}

fn items(settings: &Settings) -> Vec<PlanItem> {
    let plan = &settings.plan;
    let suite = plan.suite.as_ref().unwrap().digest.clone();
    let origin = PlanOrigin { run: "run-7".to_owned(), suite, suite_size: plan.suite_size };
    plan.experiments.iter().map(|experiment| PlanItem::of(experiment, &origin)).collect()
}

#[test]
fn names_leave_the_others_out_and_the_record_stays_that_of_the_whole() {
    let whole = load_with(SUITE, &[]).unwrap();
    let some = load_with(SUITE, &[("only", "d, a\nc")]).unwrap();
    assert_eq!(names(&some), ["a", "c", "d"], "the order is that of the suite");
    assert_eq!(some.plan.suite, whole.plan.suite);
    assert_eq!((some.plan.is_part, some.plan.suite_size, some.plan_run), (true, Some(6), None));
    let all = load_with(SUITE, &[("only", "a,b,c,d,e,f")]).unwrap();
    assert!(!all.plan.is_part && !whole.plan.is_part);
}

#[test]
fn first_only_and_then_the_shard() {
    let some = load_with(SUITE, &[("only", "b,c,d,e"), ("shard", "2/2")]).unwrap();
    assert_eq!(names(&some), ["c", "e"]);
    assert_eq!(some.to_hand_on["shard"], "2/2");
    let automatic = load_with(SUITE, &[("shard", "auto/3")]).unwrap();
    assert_eq!(names(&automatic), ["c", "f"]);
    assert_eq!(automatic.to_hand_on["shard"], "3/3", "another job may have another number");
    assert_eq!(
        load_with(SUITE, &[("shard", "auto")]).unwrap_err(),
        ["shard: \"auto\" is not enough (from --shard)"]
    );
    for wrong in ["auto/0", "auto/", "auto/10001", "Auto", "auto/x", "autos"] {
        let told = &load_with(SUITE, &[("shard", wrong)]).unwrap_err()[0];
        assert!(told.contains("is not a part of a suite"), "{told}");
    }
}

#[test]
fn unknown_names_are_told_with_the_nearest() {
    let suite = SUITE.replace("name: a,", "name: az-latency,");
    assert_eq!(
        load_with(&suite, &[("only", "az-latencies,b,zzzz")]).unwrap_err(),
        [
            "only: the value names \"az-latencies\", which is no experiment of the suite (from --only); did you mean \
         az-latency?",
            "only: the value names \"zzzz\", which is no experiment of the suite (from --only); faultgate plan lists all",
        ]
    );
    let many: Vec<String> = (0..9).map(|number| format!("unknown-{number}")).collect();
    let told = load_with(&suite, &[("only", &many.join(","))]).unwrap_err();
    assert_eq!(told.len(), 6);
    assert!(told[5].contains("names 4 more"), "{told:?}");
    assert!(
        load_with(&suite, &[("only", "B_C")]).unwrap_err()[0]
            .contains("\"B_C\" is not a name for an experiment")
    );
    assert!(load_with(&suite, &[("only", " , ")]).unwrap_err()[0].contains("names no experiment"));
}

#[test]
fn items_of_this_suite_are_taken_back() {
    let whole = load_with(SUITE, &[]).unwrap();
    let two = &items(&whole)[1..3];
    for text in [
        serde_json::to_string(two).unwrap(),
        two.iter().map(|item| serde_json::to_string(item).unwrap() + "\n").collect(),
    ] {
        let some = load_with(SUITE, &[("only", &text)]).unwrap();
        assert_eq!(names(&some), ["b", "c"]);
        assert_eq!(some.plan_run.as_deref(), Some("run-7"));
        assert_eq!((some.plan.suite, some.plan.is_part), (whole.plan.suite.clone(), true));
    }
}

#[test]
fn items_that_do_not_fit_are_mistakes() {
    let whole = load_with(SUITE, &[]).unwrap();
    let all = items(&whole);
    let told = |items: &[PlanItem]| {
        load_with(SUITE, &[("only", &serde_json::to_string(items).unwrap())]).unwrap_err().join("\n")
    };
    let changed = |change: fn(&mut PlanItem)| {
        let mut item = all[0].clone();
        change(&mut item);
        item
    };
    assert!(told(&[changed(|item| item.suite.push('x'))]).contains("is of a plan of another suite"));
    assert!(told(&[changed(|item| item.suite_size = Some(1))]).contains("is of a plan of another suite"));
    for other in [
        changed(|item| item.weight += 1),
        changed(|item| item.timeout_seconds += 1),
        changed(|item| item.template = Some("EXT9".to_owned())),
        changed(|item| item.role_arn = Some("arn:aws:iam::999999999999:role/other".to_owned())),
        changed(|item| item.region = None),
    ] {
        assert!(told(&[other]).contains("has \"a\" otherwise than the suite does here"));
    }
    assert!(told(&[changed(|item| "z".clone_into(&mut item.experiment))]).contains("names \"z\""));
    assert!(told(&[all[0].clone(), all[0].clone()]).contains("holds \"a\" twice"));
    assert!(told(&[all[0].clone(), changed(|item| item.run.push('x'))]).contains("items of several plans"));
    let broken = load_with(SUITE, &[("only", "{\"experiment\": \"a\"}")]).unwrap_err();
    assert!(broken[0].contains("the value item 1 is no item of a plan, line 1"), "{broken:?}");
    assert!(load_with(SUITE, &[("only", "[]")]).unwrap_err()[0].contains("holds no item"));
}

#[test]
fn results_of_parts_of_large_suites_do_not_repeat_all_names() {
    let entries: String = (0..501)
        .map(|number| format!("  - {{ name: e{number}, fis: {{ template: EXT{number} }} }}\n"))
        .collect::<Vec<_>>()
        .concat();
    let suite = format!("version: 1\nexperiments:\n{entries}");
    let [whole, some] = [&[][..], &[("only", "e7")]].map(|flags| load_with(&suite, flags).unwrap().plan);
    let (whole, record) = (whole.suite.unwrap(), some.suite.unwrap());
    assert_eq!((record.digest, record.experiments.len()), (whole.digest, 0));
    assert_eq!((whole.experiments.len(), some.suite_size), (501, Some(501)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_chosen_experiment_is_in_exactly_one_shard(chosen in 1_u8..64, of in 1_usize..7) {
        let all = ["a", "b", "c", "d", "e", "f"];
        let only: Vec<&str> =
            all.into_iter().enumerate().filter(|(place, _)| chosen >> place & 1 == 1).map(|(_, name)| name).collect();
        prop_assume!(of <= only.len());
        let mut seen = Vec::new();
        for number in 1..=of {
            let shard = format!("{number}/{of}");
            let settings = load_with(SUITE, &[("only", &only.join(",")), ("shard", &shard)]).unwrap();
            seen.extend(names(&settings).into_iter().map(str::to_owned));
        }
        seen.sort();
        prop_assert_eq!(seen, only);
    }
}
