//! Tests of the words of a judgement: its reason, its source, and the evidence it rests on.

use super::*;

#[test]
fn a_completion_is_named_as_the_source_of_its_score() {
    let judged = judge(&ended(State::Completed), &FisContext::default());
    assert_eq!(judged.score_source, Some(ScoreSource::Completion));
}

#[test]
fn the_lever_is_named_where_it_is_engaged_and_nowhere_else() {
    for (state, by_lever) in [
        (State::Cancelled, "FIS cancelled it: the safety lever is engaged"),
        (State::Stopped, "the safety lever stopped it"),
    ] {
        for (lever, is_named) in [("engaged", true), ("disengaged", false)] {
            let context = FisContext { lever: Some(lever), ..FisContext::default() };
            let reason = judge(&ended(state), &context).reason;
            assert_eq!(reason.contains(by_lever), is_named, "{state} {lever}: {reason}");
        }
    }
    let announced = FisContext { announced: Some("Stopped by the safety lever."), ..FisContext::default() };
    let reason = judge(&ended(State::Stopped), &announced).reason;
    assert!(reason.starts_with("the safety lever stopped it"), "only the event says so: {reason}");
}

#[test]
fn what_is_unread_is_a_warning_only_of_actions_that_acted() {
    let unread = || vec![target("t", None), target("read", Some(1))];
    let warned = |actions| judge(&completed_with(actions, unread()), &FisContext::default()).warnings;
    let told = "could not be read";
    let acted = warned(vec![stop("a", "completed", &["t"])]);
    assert!(acted.iter().any(|warning| warning.contains(told)), "{acted:?}");
    let idle = warned(vec![stop("a", "completed", &["read"]), stop("b", "skipped", &["t"])]);
    assert!(!idle.iter().any(|warning| warning.contains(told)), "{idle:?}");
    let wait = action("w", "aws:fis:wait", "completed", &["t"]);
    let waited = warned(vec![stop("a", "completed", &["read"]), wait]);
    assert!(!waited.iter().any(|warning| warning.contains(told)), "{waited:?}");
}

#[test]
fn a_dry_run_in_which_a_fault_acted_says_so() {
    let details = RecordDetails { actions_mode: Some(SKIP_ALL.to_owned()), ..RecordDetails::default() };
    let context = FisContext { dry_run: true, details: Some(&details), ..FisContext::default() };
    let judged = |actions| judge(&completed_with(actions, vec![target("web", Some(1))]), &context);
    let skipped = stop("a", "skipped", &["web"]);
    let acted = judged(vec![skipped.clone(), stop("b", "completed", &["web"])]);
    let [warning] = &acted.warnings[..] else { panic!("{:?}", acted.warnings) };
    assert!(warning.starts_with("FIS says that b completed"), "{warning}");
    let waited = judged(vec![skipped, action("w", "aws:fis:wait", "completed", &[])]);
    assert!(waited.warnings.is_empty(), "a wait injects nothing: {:?}", waited.warnings);
}

#[test]
fn what_is_broken_is_told_and_no_harmless_action() {
    let wait = action("w", "aws:fis:wait", "completed", &[]);
    let broken = judge(
        &completed_with(vec![wait.clone(), stop("a", "failed", &["t"])], vec![target("t", Some(1))]),
        &FisContext::default(),
    );
    assert!(!broken.reason.contains("no action of it injects a fault"), "{}", broken.reason);
    let harmless = judge(&completed_with(vec![wait], vec![]), &FisContext::default());
    assert!(harmless.reason.contains("no action of it injects a fault"), "{}", harmless.reason);
    let skipped = judge(
        &completed_with(vec![stop("a", "skipped", &["t"])], vec![target("t", Some(1))]),
        &FisContext::default(),
    );
    assert!(!skipped.reason.contains("no action of it injects a fault"), "{}", skipped.reason);
    let unknown = action("new", "aws:new:thing", "failed", &[]);
    let failed = judge(&completed_with(vec![unknown], vec![]), &FisContext::default());
    assert!(!failed.reason.contains("no action of it injects a fault"), "{}", failed.reason);
}

#[test]
fn each_fact_is_evidence_with_its_source_and_none_is_told_twice() {
    let record = Record { reason: Some("Halted.".to_owned()), ..ended(State::Stopped) };
    let facts = |announced| {
        let alarms = [alarm("ALARM")];
        let context = FisContext {
            alarms: Some(&alarms),
            lever: Some("disengaged"),
            announced: Some(announced),
            ..FisContext::default()
        };
        let evidence = judge(&record, &context).evidence.into_iter();
        evidence.map(|fact| format!("{}: {}", fact.source, fact.fact)).collect::<Vec<_>>()
    };
    let common = ["GetExperiment: the state is stopped", "GetExperiment: Halted."];
    let asked = ["DescribeAlarms: shop-5xx is ALARM", "GetSafetyLever: the safety lever is disengaged"];
    assert_eq!(facts("Halted."), [common, asked].concat());
    assert_eq!(facts("Another word.")[2], "event: Another word.");
}
