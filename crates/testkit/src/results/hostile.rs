//! Runs that hold text from outside which would like to act, and much of it.

use super::{failed, measured, mixed, probed, skipped, written};
use faultgate_core::model::{
    AlarmChange, AlarmInterval, CompareTo, Earlier, Evidence, ExperimentResult, Finding, Level, Phase,
    PreviewRecord, Probe, ResourceCount, RunIdentity, RunResult, Score, SubscriptionRecord, TimeInOk,
    Verdict,
};

/// Returns a run in which every text from outside is this one.
pub fn saying(text: &str) -> RunResult {
    let mut result = mixed();
    result.experiments.extend(probed().experiments);
    said(result, text)
}

/// Returns a run in which every text from outside is this one, with many samples.
pub fn saying_measured(text: &str) -> RunResult {
    let mut result = mixed();
    result.experiments.extend(measured().experiments);
    let mut result = said(result, text);
    // No run has two experiments of one name.
    for (number, experiment) in (1..).zip(&mut result.experiments) {
        experiment.name = format!("{text} {number}");
    }
    result
}

fn said(mut result: RunResult, text: &str) -> RunResult {
    let said = || text.to_owned();
    for experiment in &mut result.experiments {
        (experiment.name, experiment.reason, experiment.source) = (said(), said(), said());
        (experiment.engine, experiment.id, experiment.url) = (said(), Some(said()), Some(said()));
        (experiment.region, experiment.raw_state) = (Some(said()), Some(said()));
        (experiment.report_location, experiment.report_state) = (Some(said()), Some(said()));
        experiment.monitor.learned = said();
        experiment.stop_conditions = vec![said()];
        experiment.evidence = vec![Evidence::new(said(), said())];
        for transition in &mut experiment.transitions {
            (transition.raw_state, transition.reason) = (said(), Some(said()));
        }
        for action in &mut experiment.actions {
            (action.name, action.action_id, action.state) = (said(), said(), said());
            (action.reason, action.targets) = (Some(said()), vec![said()]);
        }
        for target in &mut experiment.targets {
            (target.name, target.resource_type) = (said(), said());
            target.resources = vec![said(), said()];
        }
        let (name, resource_type) = (said(), said());
        let of_two =
            ResourceCount { name, resource_type, account: Some(said()), region: Some(said()), count: 2 };
        experiment.preview = Some(PreviewRecord::new(text, 1_250, vec![of_two]));
        for probe in &mut experiment.probes {
            (probe.name, probe.kind) = (said(), said());
            for sample in &mut probe.samples {
                sample.reason = Some(said().into());
            }
        }
        let change =
            AlarmChange { alarm: said(), state: said(), at: result.started_at, reason: Some(said()) };
        experiment.alarms = vec![change];
        let interval = AlarmInterval {
            from: result.started_at,
            to: result.started_at,
            state: said(),
            reason: Some(said()),
        };
        let by_time = Some(TimeInOk { fault_ms: 60_000, not_ok: vec![interval], ..TimeInOk::default() });
        experiment.probes.push(Probe { by_time, ..Probe::new(said(), said(), 0) });
        let unmeasured = Some(said());
        let unevaluated = Some(Phase::During);
        experiment.probes.push(Probe { unmeasured, unevaluated, ..Probe::new(said(), said(), 0) });
        if let Some(stop) = &mut experiment.stop {
            stop.why = said();
        }
    }
    let mut earlier = result.clone();
    (earlier.run.id, earlier.run.url, earlier.run.commit) = (said(), Some(said()), Some(said()));
    earlier.gate.resilience_score = Score::new(95.0);
    // Experiments that are gone, new and changed have such names, so that every branch of a comparison shows
    // one.
    for experiment in &mut earlier.experiments {
        experiment.score = Score::new(50.0);
        for probe in &mut experiment.probes {
            probe.score = Score::new(12.34).unwrap();
        }
    }
    let gone = ExperimentResult { name: format!("gone {text}"), ..earlier.experiments[0].clone() };
    earlier.experiments.push(gone);
    let compare_to = CompareTo { earlier: Earlier::from(earlier), max_score_drop: Score::new(5.0) };
    result.comparison = Some(compare_to.compare(&result.experiments, true));
    result.gate.reasons = vec![said(), said()];
    result.findings = vec![Finding::new(Level::Warning, said(), said()).with_remedy(said())];
    result.subscriptions = vec![SubscriptionRecord {
        name: said(),
        region: Some(said()),
        handshake_ms: None,
        leftovers: vec![said()],
    }];
    result.reporting =
        vec![written("summary.md"), failed(text, text), skipped("a sink", text).with_remedy(text)];
    result.run = RunIdentity {
        id: said(),
        ci: said(),
        pipeline: None,
        url: Some(said()),
        repository: Some(said()),
        commit: Some(said()),
        environment: Some(said()),
        shard: None,
        plan_run: None,
        attempt_key: String::new(),
    };
    result.faultgate.version = said();
    result
}

/// Text that tries everything at once.
pub const HOSTILE: &str = "x\n::set-output name=verdict::passed\r\n##[group]a ##vso[task.complete result=Succeeded;]b \
     \u{1b}[31m<script>alert(1)</script>\u{1b}[0m | **b** `c` [l](https://evil.example) @everyone #1 $x$\0\u{fffe}\
     \u{202e}dessap [[ATTACHMENT|/etc/passwd]] ]]> &amp; \"q\" 'q' $(id) ; `id` %0A::error::y";

/// Returns many experiments of many actions, targets and reasons, each of which holds this text.
pub fn large(text: &str) -> RunResult {
    let mut result = saying(text);
    let one = result.experiments.swap_remove(1);
    result.experiments = (0..50)
        .map(|number| {
            let mut experiment = one.clone();
            if number % 3 == 0 {
                experiment.verdict = Verdict::Passed;
            }
            experiment.actions = many(&one.actions[0], 300);
            experiment.targets = many(&one.targets[0], 300);
            experiment.evidence = many(&one.evidence[0], 50);
            experiment
        })
        .collect();
    result.gate.reasons = many(&text.to_owned(), 50);
    result.findings = many(&result.findings[0], 50);
    result
}

fn many<T: Clone>(one: &T, count: usize) -> Vec<T> {
    std::iter::repeat_n(one.clone(), count).collect()
}
