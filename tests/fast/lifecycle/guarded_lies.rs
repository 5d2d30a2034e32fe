//! Answers of FIS that are not true, where a limit, a preview or a wish to be alone depends on them. None of
//! them lets a run pass.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use faultgate::lifecycle::{Guard, Outlook, Unguarded};
use faultgate_core::model::{ExperimentPlan, Finding, Level, Plan, RunResult, Verdict};
use faultgate_engines::Engine;
use faultgate_rehearsal::{FaultEffect, FaultRule, Recorded, TEMPLATE_ID, World};
use faultgate_testkit::lives::ENDLESS;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::lies::{RULES, planned, told_under};

/// A guard with the two rules that the lifecycle holds itself.
#[derive(Default)]
struct Limits {
    most: Option<u64>,
    alone: bool,
}

#[async_trait(?Send)]
impl Guard for Limits {
    async fn judge(&self, _: &Plan, _: &[(&ExperimentPlan, &dyn Engine)], _: Outlook<'_>) -> Vec<Finding> {
        Vec::new()
    }

    fn max_targets(&self) -> Option<u64> {
        self.most
    }

    fn wants_alone(&self) -> bool {
        self.alone
    }
}

const ALONE: Limits = Limits { most: None, alone: true };

fn honest(_: &str, _: &str, _: &mut Value) {}

fn previewing() -> Plan {
    Plan { preview: true, ..planned(false, RULES[0]) }
}

/// Returns the verdict, and the first reason for it.
fn gate(result: &RunResult) -> (Verdict, &str) {
    (result.gate.verdict, result.gate.reasons.first().map_or("", String::as_str))
}

fn requests(world: &World, operation: &str) -> Vec<Recorded> {
    world.requests().into_iter().filter(|request| request.operation == operation).collect()
}

/// Returns a lie by which the last of the three lists of resolved targets holds three resources more, which
/// are of this target.
fn more_at_the_end(target: &'static str) -> impl Fn(&str, &str, &mut Value) + Send + Sync + 'static {
    let asked = AtomicUsize::new(0);
    move |_, path, answer| {
        if path.contains("/resolvedTargets") && asked.fetch_add(1, Ordering::Relaxed) >= 2 {
            let resolved = answer["resolvedTargets"].as_array_mut().unwrap();
            let mut more = resolved[0].clone();
            more["targetName"] = json!(target);
            resolved.extend(std::iter::repeat_n(more, 3));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_last_record_tells_is_held_against_limit_and_preview() {
    let (limit, none) = (Limits { most: Some(2), alone: false }, Limits::default());
    let over = "policy: limits.targets: 5 at the launch and 2 in the preview, at most 2";
    let more = "the target tasks resolved to 5 resources at the launch, and to 2 in the preview";
    let new = "the target new resolved to 3 resources at the launch, and to 0 in the preview";
    let wide = Limits { most: Some(9), alone: false };
    for (limits, target, why) in
        [(&limit, "tasks", over), (&none, "tasks", more), (&none, "new", new), (&wide, "tasks", more)]
    {
        let (result, world) = told_under(limits, |_| {}, &previewing(), more_at_the_end(target)).await;
        assert_eq!(gate(&result), (Verdict::Errored, why));
        assert_eq!(requests(&world, "ListExperimentResolvedTargets").len(), 3, "no request more");
        assert_eq!(requests(&world, "StartExperiment").len(), 2, "it was launched, and is over");
    }
}

/// Preview and launch cost what docs/policy.md tells: three requests for the preview, and two at the launch.
#[tokio::test(start_paused = true)]
async fn a_preview_costs_what_the_page_says() {
    let counted = async |limits: &Limits, plan: &Plan| {
        let (result, world) = told_under(limits, |_| {}, plan, honest).await;
        assert_eq!(gate(&result).0, Verdict::Passed, "{:?}", result.gate.reasons);
        ["StartExperiment", "GetExperiment", "ListExperimentResolvedTargets"]
            .map(|operation| requests(&world, operation).len())
    };
    let limit = Limits { most: Some(2), alone: false };
    let without = counted(&Limits::default(), &planned(false, RULES[0])).await;
    let with = counted(&limit, &previewing()).await;
    let [starts, looks, lists] = [0, 1, 2].map(|place| with[place] - without[place]);
    assert_eq!((starts, lists), (1, 2));
    // FIS may have to be asked again until the preview has ended.
    assert!((2..=5).contains(&looks), "{looks}");
}

#[tokio::test(start_paused = true)]
async fn the_last_record_of_a_dry_run_is_held_against_the_limit() {
    // The first list of a dry run is that of its record, and the second one is counted.
    let asked = AtomicUsize::new(0);
    let lie = move |_: &str, path: &str, answer: &mut Value| {
        if path.contains("/resolvedTargets") && asked.fetch_add(1, Ordering::Relaxed) == 0 {
            let resolved = answer["resolvedTargets"].as_array_mut().unwrap();
            let more = resolved[0].clone();
            resolved.extend(std::iter::repeat_n(more, 3));
        }
    };
    let limit = Limits { most: Some(2), alone: false };
    let (result, _) = told_under(&limit, |_| {}, &planned(true, RULES[0]), lie).await;
    assert_eq!(gate(&result), (Verdict::Errored, "policy: limits.targets: 5, at most 2"));
}

/// Makes a count that hangs, or a record that hangs, and returns the time from the launch to the stop, and
/// from there to the end.
async fn stopped_after(operation: &'static str) -> (Duration, Duration) {
    let arrange = |world: &World| {
        world.script(TEMPLATE_ID, ENDLESS);
        let world = world.clone();
        tokio::spawn(async move {
            // The first start is that of the preview, which is not disturbed.
            world.until(|seen| seen.count("StartExperiment") == 2).await;
            world.inject(FaultRule::on(operation, FaultEffect::Hang));
        });
    };
    let plan = previewing();
    let (result, world) = told_under(&Unguarded, arrange, &plan, honest).await;
    let (verdict, why) = gate(&result);
    assert_eq!(verdict, Verdict::Errored, "{why}");
    assert!(why.contains("what its targets resolved to is not known"), "{why}");
    let (begun, stopped) = (requests(&world, "StartExperiment"), requests(&world, "StopExperiment"));
    assert_eq!(begun.len(), 2, "a preview and a launch");
    let between = |from: Timestamp, to: Timestamp| to.duration_since(from).try_into().unwrap();
    (between(begun[1].at, stopped[0].at), between(stopped[0].at, result.ended_at))
}

#[tokio::test(start_paused = true)]
async fn a_count_that_hangs_stops_the_experiment_in_a_few_seconds() {
    // Only the record confirms the stop, for which there is a minute. Each reading of the list has 20 s.
    for (operation, most_after) in [("ListExperimentResolvedTargets", 45), ("GetExperiment", 65)] {
        let (took, then) = stopped_after(operation).await;
        assert!((15..=25).contains(&took.as_secs()), "{operation}: {took:?}");
        assert!(then.as_secs() <= most_after, "{operation}: {then:?}");
    }
}

/// Returns `true` for a request for the list of all experiments.
fn is_list(method: &str, path: &str) -> bool {
    method == "GET" && path.split('?').next() == Some("experiments")
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lacks_the_own_experiment_is_looked_at_again_and_then_not_believed() {
    let blind = |method: &str, path: &str, answer: &mut Value| {
        if is_list(method, path) {
            answer["experiments"] = json!([]);
        }
    };
    let (result, world) =
        told_under(&ALONE, |world| world.script(TEMPLATE_ID, ENDLESS), &planned(false, RULES[0]), blind)
            .await;
    let (verdict, why) = gate(&result);
    assert_eq!(verdict, Verdict::Errored);
    let said = "policy: limits.alone: who else runs in 123456789012 us-east-1 cannot be seen: the list of experiments";
    assert!(why.starts_with(said), "{why}");
    let looks = requests(&world, "ListExperiments").len();
    assert!((4..=10).contains(&looks), "{looks} looks");
    let (begun, stopped) = (requests(&world, "StartExperiment"), requests(&world, "StopExperiment"));
    let took = stopped[0].at.duration_since(begun[0].at).as_secs();
    assert!((7..=12).contains(&took), "stopped after {took} s");
    assert_eq!(world.inventory().experiments[0].status, "stopped");
}

#[tokio::test(start_paused = true)]
async fn an_own_experiment_that_is_listed_late_goes_on() {
    let asked = AtomicUsize::new(0);
    let late = move |method: &str, path: &str, answer: &mut Value| {
        if is_list(method, path) && asked.fetch_add(1, Ordering::Relaxed) < 4 {
            answer["experiments"] = json!([]);
        }
    };
    let (result, world) = told_under(&ALONE, |_| {}, &planned(false, RULES[0]), late).await;
    assert_eq!(gate(&result).0, Verdict::Passed, "{:?}", result.gate.reasons);
    assert_eq!(requests(&world, "ListExperiments").len(), 5);
    let (result, world) = told_under(&ALONE, |_| {}, &planned(false, RULES[0]), honest).await;
    assert_eq!(gate(&result).0, Verdict::Passed, "{:?}", result.gate.reasons);
    assert_eq!(requests(&world, "ListExperiments").len(), 2, "one look before the launch, one after it");
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_list_is_no_empty_list() {
    for told in [None, Some(Value::Null)] {
        let lie = move |method: &str, path: &str, answer: &mut Value| {
            if is_list(method, path) {
                match &told {
                    None => drop(answer.as_object_mut().unwrap().remove("experiments")),
                    Some(told) => answer["experiments"] = told.clone(),
                }
            }
        };
        let (result, world) = told_under(&ALONE, |_| {}, &planned(false, RULES[0]), lie).await;
        let (verdict, why) = gate(&result);
        assert_eq!(verdict, Verdict::Errored);
        assert!(
            why.starts_with("not launched: policy: limits.alone: who else runs is not known")
                && why.contains("holds no list of experiments"),
            "{why}"
        );
        assert!(requests(&world, "StartExperiment").is_empty());
    }
}

/// Returns a lie by which the template acts in several accounts: it counts `counted` of them, and these are
/// listed.
fn several_accounts(
    counted: usize,
    listed: Value,
) -> impl Fn(&str, &str, &mut Value) + Send + Sync + 'static {
    move |_, path, answer| {
        if path.contains("/targetAccountConfigurations") {
            answer["targetAccountConfigurations"] = listed.clone();
        } else if path.starts_with("experimentTemplates/") {
            answer["experimentTemplate"]["experimentOptions"]["accountTargeting"] = json!("multi-account");
            answer["experimentTemplate"]["targetAccountConfigurationsCount"] = json!(counted);
        }
    }
}

const LOOK: &str = "ListTargetAccountConfigurations";

#[tokio::test(start_paused = true)]
async fn target_accounts_are_checked_before_a_preview() {
    let role = "arn:aws:iam::999988887777:role/target";
    let whole = json!([
        {"accountId": "123456789012", "roleArn": "arn:aws:iam::123456789012:role/target"},
        {"accountId": "999988887777", "roleArn": role},
    ]);
    let limit = Limits { most: Some(5), alone: false };
    let cases = [
        (json!([{"accountId": "999988887777"}]), 1, "the target account 999988887777 has no role"),
        (
            json!([{"roleArn": role}]),
            1,
            "names no account (its role is arn:aws:iam::999988887777:role/target)",
        ),
        (whole.clone(), 3, "the template counts 3 target accounts, and FIS lists 2"),
        (json!([]), 0, "no target account is configured"),
        (Value::Null, 0, "the answer holds no list of them"),
    ];
    for (listed, counted, why) in cases {
        for (guard, plan) in
            [(&Unguarded as &dyn Guard, previewing()), (&limit as &dyn Guard, planned(false, RULES[0]))]
        {
            let lie = several_accounts(counted, listed.clone());
            let (result, world) = told_under(guard, |_| {}, &plan, lie).await;
            let (verdict, told) = gate(&result);
            assert_eq!(verdict, Verdict::Errored, "{why}");
            assert!(told.starts_with("not launched: template EXT") && told.contains(why), "{told}");
            assert!(requests(&world, "StartExperiment").is_empty(), "{why}");
        }
    }
    let (result, world) = told_under(&limit, |_| {}, &previewing(), several_accounts(2, whole.clone())).await;
    assert_eq!(gate(&result).0, Verdict::Passed, "{:?}", result.gate.reasons);
    assert_eq!(requests(&world, LOOK).len(), 1);
    let (result, world) =
        told_under(&Unguarded, |_| {}, &planned(false, RULES[0]), several_accounts(2, whole)).await;
    assert_eq!(gate(&result).0, Verdict::Passed, "{:?}", result.gate.reasons);
    assert!(requests(&world, LOOK).is_empty(), "nothing needs them");
    let (_, world) = told_under(&Unguarded, |_| {}, &previewing(), honest).await;
    assert!(requests(&world, LOOK).is_empty(), "a template of one account");
}

#[tokio::test(start_paused = true)]
async fn a_preview_needs_no_permission_to_read_target_accounts() {
    let deny = |world: &World| {
        world.inject(FaultRule::on(LOOK, FaultEffect::denied("fis:ListTargetAccountConfigurations")));
    };
    let (result, world) = told_under(&Unguarded, deny, &previewing(), several_accounts(2, json!([]))).await;
    assert_eq!(gate(&result).0, Verdict::Passed, "{:?}", result.gate.reasons);
    assert_eq!(requests(&world, "StartExperiment").len(), 2);
    let note = result.findings.iter().find(|finding| finding.message.contains("read the target accounts"));
    let note = note.unwrap_or_else(|| panic!("{:?}", result.findings));
    assert_eq!(note.level, Level::Note);
    assert!(note.message.contains("going on without this look"), "{note:?}");
    assert!(note.remedy.as_deref().unwrap_or_default().contains("fis:ListTargetAccountConfigurations"));
}
