//! Tests of the translation of FIS's record, above all of the fault window.

use aws_sdk_fis::types::{
    ExperimentReport, ExperimentReportConfiguration, ExperimentReportError, ExperimentReportS3Report,
    ExperimentReportState, ExperimentReportStatus, ExperimentTarget,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn action(id: &str, state: &str, started_at: Option<i64>, ended_at: Option<i64>) -> Action {
    Action {
        name: id.to_owned(),
        action_id: id.to_owned(),
        effect: effect(id),
        state: state.to_owned(),
        reason: None,
        started_at: started_at.map(at),
        ended_at: ended_at.map(at),
        targets: vec!["t".to_owned()],
    }
}

const STOP: &str = "aws:ec2:stop-instances";
const WAIT: &str = "aws:fis:wait";

fn window(from: i64, to: Option<i64>) -> FaultTimes {
    FaultTimes::In(FaultWindow { started_at: at(from), ended_at: to.map(at) })
}

#[test]
fn the_fault_is_in_from_the_first_start_to_the_last_end_of_what_injects() {
    let ended = Some(at(100));
    let done = |id, from, to| action(id, "completed", Some(from), Some(to));
    let cases = [
        (
            "waits around it",
            vec![done(WAIT, 0, 40), done(STOP, 40, 50), done(WAIT, 50, 90)],
            ended,
            window(40, Some(50)),
        ),
        (
            "a pause between",
            vec![done(STOP, 10, 20), done(WAIT, 20, 60), done(STOP, 60, 70)],
            ended,
            window(10, Some(70)),
        ),
        ("only waits", vec![done(WAIT, 0, 90)], ended, FaultTimes::Never),
        ("only a recovery", vec![done("aws:arc:start-zonal-autoshift", 0, 90)], ended, FaultTimes::Never),
        ("an unknown action", vec![done("aws:new:thing", 5, 6)], ended, window(5, Some(6))),
        ("nothing", vec![], ended, FaultTimes::Never),
        ("skipped", vec![action(STOP, "skipped", None, None)], ended, FaultTimes::Never),
        ("skipped with times", vec![action(STOP, "skipped", Some(3), Some(3))], ended, FaultTimes::Never),
        (
            "cancelled before it began",
            vec![action(STOP, "cancelled", None, Some(50))],
            ended,
            FaultTimes::Never,
        ),
        (
            "cancelled after it began",
            vec![action(STOP, "cancelled", Some(5), Some(50))],
            ended,
            window(5, Some(50)),
        ),
        ("it failed", vec![action(STOP, "failed", Some(5), Some(50))], ended, FaultTimes::Never),
        (
            "one of two failed",
            vec![action(STOP, "failed", Some(5), Some(6)), done(STOP, 7, 50)],
            ended,
            window(5, Some(50)),
        ),
        ("no start is told", vec![action(STOP, "completed", None, Some(50))], ended, FaultTimes::Untold),
        (
            "one start is not told",
            vec![done(STOP, 5, 6), action(STOP, "completed", None, None)],
            ended,
            FaultTimes::Untold,
        ),
        ("no end is told", vec![action(STOP, "completed", Some(5), None)], ended, window(5, Some(100))),
        ("it runs", vec![action(STOP, "running", Some(5), None)], None, window(5, None)),
        (
            "another is still to come",
            vec![done(STOP, 5, 6), action(STOP, "pending", None, None)],
            None,
            window(5, None),
        ),
        (
            "another never came",
            vec![done(STOP, 5, 6), action(STOP, "pending", None, None)],
            ended,
            window(5, Some(6)),
        ),
        ("none has begun", vec![action(STOP, "pending", None, None)], None, FaultTimes::Never),
        ("a second of FIS's clock", vec![done(STOP, 5, 5)], ended, window(5, Some(5))),
    ];
    for (case, actions, ended_at, expected) in cases {
        assert_eq!(fault(&actions, &[], ended_at), expected, "{case}");
    }
    let found = |resolved| Target {
        name: "t".to_owned(),
        resource_type: String::new(),
        resolved,
        has_more: false,
        resources: Vec::new(),
    };
    let action = [done(STOP, 5, 9)];
    assert_eq!(fault(&action, &[found(Some(0))], ended), FaultTimes::Never);
    assert_eq!(fault(&action, &[found(None)], ended), window(5, Some(9)));
}

#[rustfmt::skip]
const STATES: &[&str] = &[
    "pending", "initiating", "running", "completed", "cancelled", "stopping", "stopped", "failed", "skipped", "improvised",
];

fn actions_of(ids: &'static [&'static str]) -> impl Strategy<Value = Vec<Action>> {
    let time = || option::weighted(0.8, 0..100_i64);
    let one = (select(ids), select(STATES), time(), time());
    vec(one.prop_map(|(id, state, from, to)| action(id, state, from, to)), 0..6)
}

proptest! {
    /// An action that waits, asserts or recovers does not move the window.
    #[test]
    fn harmless_actions_change_no_window(
        mut actions in actions_of(&[STOP, "aws:new:thing"]),
        harmless in actions_of(&[WAIT, "aws:arc:start-zonal-autoshift", "aws:cloudwatch:assert-alarm-state"]),
        ended in option::of(0..200_i64),
    ) {
        let alone = fault(&actions, &[], ended.map(at));
        actions.extend(harmless);
        prop_assert_eq!(fault(&actions, &[], ended.map(at)), alone);
    }

    /// Each action that acted lies in the window, and its edges are edges of actions or the end.
    #[test]
    fn the_window_holds_all_that_acted(actions in actions_of(&[STOP, WAIT]), ended in option::of(100..200_i64)) {
        let ended = ended.map(at);
        let FaultTimes::In(window) = fault(&actions, &[], ended) else { return Ok(()) };
        let acted: Vec<_> = actions.iter().filter(|action| {
            let began = action.started_at.is_some() || action.state != "cancelled";
            action.effect == Effect::Injects && began && !["pending", "skipped"].contains(&action.state.as_str())
        }).collect();
        prop_assert!(!acted.is_empty());
        prop_assert_eq!(Some(window.started_at), acted.iter().filter_map(|action| action.started_at).min());
        for action in &acted {
            prop_assert!(action.started_at.is_some_and(|start| start >= window.started_at));
            if let Some(end) = window.ended_at {
                prop_assert!(action.ended_at.or(ended).is_some_and(|own| own <= end));
            }
        }
        // A window may be open only while a fault may still be in effect.
        let open = acted.iter().any(|action| action.ended_at.is_none()) && ended.is_none();
        prop_assert!(window.ended_at.is_some() || open || actions.iter().any(|action| action.state == "pending"));
    }
}

fn with_report(status: ExperimentReportStatus, arn: Option<&str>) -> OwnReport {
    let error = ExperimentReportError::builder().code("AccessDenied").build();
    let state = ExperimentReportState::builder().status(status).reason("FIS says so").error(error).build();
    let written = arn.map(|arn| ExperimentReportS3Report::builder().arn(arn).build());
    let report =
        ExperimentReport::builder().state(state).set_s3_reports(written.map(|written| vec![written])).build();
    record(&Experiment::builder().experiment_report(report).build(), None).report.unwrap()
}

#[test]
fn a_report_is_where_fis_says_once_it_is_completed() {
    let arn = "arn:aws:s3:::reports/chaos/EXP1.pdf";
    let whole = OwnReport { state: "completed".to_owned(), location: Some(arn.to_owned()), due: None };
    assert_eq!(with_report(ExperimentReportStatus::Completed, Some(arn)), whole);
    for status in
        [ExperimentReportStatus::Pending, ExperimentReportStatus::Running, ExperimentReportStatus::Failed]
    {
        let word = status.as_str().to_owned();
        let OwnReport { state, location, .. } = with_report(status, Some(arn));
        assert_eq!((state, location), (format!("{word} (AccessDenied): FIS says so"), None));
    }
    let nowhere = with_report(ExperimentReportStatus::Completed, None);
    assert_eq!((nowhere.location, nowhere.due), (None, None));
    assert_eq!(nowhere.state, "completed, and FIS does not say where it is");
    assert_eq!(record(&Experiment::builder().build(), None).report, None);
}

#[test]
fn a_report_is_due_once_fis_has_collected_its_data() {
    let told = |status, after: Option<&str>| {
        let state = ExperimentReportState::builder().status(status).build();
        let wanted = ExperimentReportConfiguration::builder();
        let experiment = Experiment::builder()
            .end_time(DateTime::from_secs(1_800_000_000))
            .experiment_report(ExperimentReport::builder().state(state).build())
            .experiment_report_configuration(
                wanted.set_post_experiment_duration(after.map(str::to_owned)).build(),
            );
        let report = record(&experiment.build(), None).report.unwrap();
        (report.state, report.due.map(|due| due.as_second() - 1_800_000_000))
    };
    let pending = |after| told(ExperimentReportStatus::Pending, after);
    assert_eq!(pending(Some("PT20M")), ("pending, not before 2027-01-15T08:20:00Z".to_owned(), Some(1_200)));
    assert_eq!(pending(None).1, Some(0));
    assert_eq!(pending(Some("soon")).1, Some(0));
    assert_eq!(told(ExperimentReportStatus::Running, Some("PT1M")).1, Some(60));
    for settled in [ExperimentReportStatus::Cancelled, ExperimentReportStatus::Failed] {
        assert_eq!(told(settled, Some("PT1M")).1, None);
    }
}

#[test]
fn what_was_not_read_to_the_end_is_not_counted_as_all() {
    let target = || ExperimentTarget::builder().resource_type("aws:ec2:instance").build();
    let experiment = Experiment::builder().targets("web", target()).targets("db", target()).build();
    let web = ResolvedTarget::builder().target_name("web").build();
    let read = |has_more| {
        let resolved = Resolved { targets: vec![web.clone(); 3], has_more };
        let told = |target: &Target| (target.resolved, target.count());
        record(&experiment, Some(&resolved)).targets.iter().map(told).collect::<Vec<_>>()
    };
    let three = |text: &str| (Some(3), Some(text.to_owned()));
    assert_eq!(read(false), [(Some(0), Some("0 resources".to_owned())), three("3 resources")]);
    assert_eq!(read(true), [(None, None), three("at least 3 resources")]);
}
