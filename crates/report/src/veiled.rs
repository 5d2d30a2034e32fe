//! The veil over a result and over events: secrets in texts of engines and servers become `***` before any
//! sink is told.
//!
//! Names and ids stay, since files are put together by them. No text that comes from outside may pass
//! unveiled.

use faultgate_config::Veil;
use faultgate_core::model::{
    AlarmChange, ExperimentResult, ExperimentStanding, Finding, PreviewRecord, RunEvent, RunResult,
    Standings, Turn,
};

/// Returns the result as it is reported.
#[must_use]
pub fn veil_result(mut result: RunResult, veil: &Veil) -> RunResult {
    if veil.is_empty() {
        return result;
    }
    let hide = |text: &mut String| *text = veil.hide(text);
    result.gate.reasons.iter_mut().for_each(hide);
    result.links.iter_mut().flat_map(|link| [&mut link.name, &mut link.url]).for_each(hide);
    for finding in &mut result.findings {
        *finding = of_finding(finding, veil);
    }
    for experiment in &mut result.experiments {
        of_experiment(experiment, veil);
    }
    result
}

fn of_finding(finding: &Finding, veil: &Veil) -> Finding {
    Finding {
        level: finding.level,
        subject: veil.hide(&finding.subject),
        message: veil.hide(&finding.message),
        remedy: finding.remedy.as_ref().map(|remedy| veil.hide(remedy)),
        of_place: finding.of_place,
    }
}

/// Hides secrets in the texts of an experiment that come from outside. Its name, ids and addresses stay.
fn of_experiment(experiment: &mut ExperimentResult, veil: &Veil) {
    let hide = |text: &mut String| *text = veil.hide(text);
    hide(&mut experiment.reason);
    experiment.raw_state.iter_mut().chain(&mut experiment.report_state).for_each(hide);
    experiment.warnings.iter_mut().chain(&mut experiment.stop_conditions).for_each(hide);
    hide(&mut experiment.monitor.learned);
    for transition in &mut experiment.transitions {
        hide(&mut transition.raw_state);
        transition.reason.iter_mut().for_each(hide);
    }
    for change in &mut experiment.alarms {
        hide_alarm(change, veil);
    }
    for action in &mut experiment.actions {
        hide(&mut action.name);
        hide(&mut action.action_id);
        action.reason.iter_mut().for_each(hide);
    }
    if let Some(preview) = &mut experiment.preview {
        veil_preview(preview, veil);
    }
    for evidence in &mut experiment.evidence {
        hide(&mut evidence.source);
        hide(&mut evidence.fact);
    }
    for fault in &mut experiment.faults {
        fault.fail_step.iter_mut().chain(&mut fault.error_code).for_each(hide);
        fault.probes.iter_mut().filter_map(|probe| probe.description.as_mut()).for_each(hide);
    }
    for reason in experiment
        .probes
        .iter_mut()
        .flat_map(|probe| &mut probe.samples)
        .filter_map(|sample| sample.reason.as_mut())
    {
        *reason = veil.hide(reason).into();
    }
    for probe in &mut experiment.probes {
        let intervals = probe.by_time.iter_mut().flat_map(|time| &mut time.not_ok);
        for text in intervals.flat_map(|one| [&mut one.state].into_iter().chain(&mut one.reason)) {
            hide(text);
        }
        probe.unmeasured.iter_mut().for_each(hide);
    }
    if let Some(error) = &mut experiment.error {
        error.code.iter_mut().chain(&mut error.location).for_each(hide);
    }
    if let Some(stop) = &mut experiment.stop {
        hide(&mut stop.why);
        stop.error.iter_mut().for_each(hide);
    }
}

/// Hides secrets in the texts of a preview that come from outside. Its id and Regions stay.
pub fn veil_preview(preview: &mut PreviewRecord, veil: &Veil) {
    for target in &mut preview.targets {
        target.name = veil.hide(&target.name);
        target.resource_type = veil.hide(&target.resource_type);
        target.account.iter_mut().for_each(|account| *account = veil.hide(account));
    }
}

/// Hides secrets in the texts that an event tells of an alarm. Whoever makes an alarm chooses its name.
fn hide_alarm(change: &mut AlarmChange, veil: &Veil) {
    for text in [&mut change.alarm, &mut change.state].into_iter().chain(&mut change.reason) {
        *text = veil.hide(text);
    }
}

/// The standing of experiments as it is reported. Names of probes stay, as those of the report do.
#[derive(Debug)]
struct VeiledStandings<'a> {
    standings: &'a dyn Standings,
    veil: &'a Veil,
}

impl Standings for VeiledStandings<'_> {
    fn standing(&self, experiment: usize) -> ExperimentStanding {
        let mut standing = self.standings.standing(experiment);
        let failures = standing.probes.iter_mut().filter_map(|probe| probe.failure.as_mut());
        failures.for_each(|failure| *failure = self.veil.hide(failure));
        standing
    }
}

/// Tells an event as it is reported.
pub fn tell_veiled(event: &RunEvent<'_>, veil: &Veil, tell: &mut dyn FnMut(&RunEvent<'_>)) {
    // Most suites have no secrets, and then no event is copied.
    if veil.is_empty() {
        return tell(event);
    }
    match event {
        RunEvent::Found(finding) => tell(&RunEvent::Found(&of_finding(finding, veil))),
        RunEvent::Transition { experiment, transition } => {
            let mut transition = (*transition).clone();
            transition.raw_state = veil.hide(&transition.raw_state);
            transition.reason = transition.reason.map(|reason| veil.hide(&reason));
            tell(&RunEvent::Transition { experiment: *experiment, transition: &transition });
        }
        RunEvent::AlarmChanged { experiment, change } => {
            let mut change = (*change).clone();
            hide_alarm(&mut change, veil);
            tell(&RunEvent::AlarmChanged { experiment: *experiment, change: &change });
        }
        RunEvent::ProbeTurned { experiment, probe, turn } => {
            let mut turn = (*turn).clone();
            if let Turn::Fails { reason: Some(reason) } | Turn::Flapped { reason: Some(reason), .. } =
                &mut turn
            {
                *reason = veil.hide(reason).into();
            }
            tell(&RunEvent::ProbeTurned { experiment: *experiment, probe, turn: &turn });
        }
        RunEvent::Stopping { experiment, why } => {
            tell(&RunEvent::Stopping { experiment: *experiment, why: &veil.hide(why) });
        }
        RunEvent::Ended { experiment, state, verdict, score, reason, warnings } => tell(&RunEvent::Ended {
            experiment: *experiment,
            state: *state,
            verdict: *verdict,
            score: *score,
            reason: &veil.hide(reason),
            warnings: &warnings.iter().map(|warning| veil.hide(warning)).collect::<Vec<_>>(),
        }),
        RunEvent::Decided(gate) => {
            let mut gate = (*gate).clone();
            gate.reasons.iter_mut().for_each(|reason| *reason = veil.hide(reason));
            tell(&RunEvent::Decided(&gate));
        }
        RunEvent::Warning(warning) => tell(&RunEvent::Warning(&veil.hide(warning))),
        RunEvent::Tick(standings) => tell(&RunEvent::Tick(&VeiledStandings { standings: *standings, veil })),
        RunEvent::Previewed { experiment, preview } => {
            let mut preview = (*preview).clone();
            veil_preview(&mut preview, veil);
            tell(&RunEvent::Previewed { experiment: *experiment, preview: &preview });
        }
        // The other events hold nothing but names, ids and numbers.
        RunEvent::Started { .. }
        | RunEvent::Subscribed { .. }
        | RunEvent::Launched { .. }
        | RunEvent::Recovering { .. } => tell(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultgate_core::model::{ProbeStanding, ResourceCount};
    use faultgate_testkit::results::saying_faults;

    const SECRET: &str = "s3cr3t-of-the-suite";
    /// Keys of names by which files are put together or readers find their way. They stay as they are.
    const NAMES: &[&str] = &[
        "engine",
        "experiment_id",
        "id",
        "kind",
        "mode",
        "name",
        "region",
        "report_location",
        "resource_type",
        "resources",
        "source",
        "state",
        "targets",
        "url",
        "verdict",
    ];

    /// Collects the keys whose texts hold the secret.
    fn telling(value: &serde_json::Value, key: &str, keys: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) if text.contains(SECRET) => keys.push(key.to_owned()),
            serde_json::Value::Array(items) => items.iter().for_each(|item| telling(item, key, keys)),
            serde_json::Value::Object(entries) => {
                entries.iter().for_each(|(key, value)| telling(value, key, keys));
            }
            _ => {}
        }
    }

    #[test]
    fn no_text_of_a_result_tells_it_but_names() {
        let result = veil_result(saying_faults(SECRET), &Veil::over([SECRET.to_owned()]));
        let mut keys = Vec::new();
        for part in ["gate", "experiments", "findings"] {
            telling(&serde_json::to_value(&result).unwrap()[part], part, &mut keys);
        }
        keys.retain(|key| !NAMES.contains(&key.as_str()));
        assert_eq!(keys, [""; 0]);
    }

    /// The standing of an experiment whose probe fails with the secret.
    #[derive(Debug)]
    struct Telling;

    impl Standings for Telling {
        fn standing(&self, _experiment: usize) -> ExperimentStanding {
            let probe = ProbeStanding { failure: Some(SECRET.to_owned()), ..ProbeStanding::default() };
            ExperimentStanding { probes: vec![probe], score: None }
        }
    }

    #[test]
    fn no_standing_tells_it() {
        let mut told = None;
        tell_veiled(&RunEvent::Tick(&Telling), &Veil::over([SECRET.to_owned()]), &mut |event| {
            if let RunEvent::Tick(standings) = event {
                told = standings.standing(0).probes[0].failure.clone();
            }
        });
        assert_eq!(told.as_deref(), Some("***"));
    }

    #[test]
    fn no_event_tells_it() {
        let result = saying_faults(SECRET);
        let experiment = &result.experiments[0];
        let reason = experiment.reason.as_str();
        let turn = Turn::Fails { reason: Some(SECRET.into()) };
        let within = jiff::SignedDuration::from_secs(30);
        let flapped = Turn::Flapped { failed: 1, evaluations: 2, within, reason: Some(SECRET.into()) };
        let change = AlarmChange {
            alarm: SECRET.to_owned(),
            state: SECRET.to_owned(),
            at: experiment.transitions[0].at,
            reason: Some(SECRET.to_owned()),
        };
        let target = ResourceCount {
            name: SECRET.to_owned(),
            resource_type: SECRET.to_owned(),
            account: Some(SECRET.to_owned()),
            region: None,
            count: 1,
        };
        let preview = PreviewRecord::new("EXP1", 7, vec![target]);
        let events = [
            RunEvent::Found(&result.findings[0]),
            RunEvent::Transition { experiment: 0, transition: &experiment.transitions[0] },
            RunEvent::AlarmChanged { experiment: 0, change: &change },
            RunEvent::ProbeTurned { experiment: 0, probe: "p", turn: &turn },
            RunEvent::ProbeTurned { experiment: 0, probe: "p", turn: &flapped },
            RunEvent::Stopping { experiment: 0, why: reason },
            RunEvent::Ended {
                experiment: 0,
                state: experiment.state,
                verdict: experiment.verdict,
                score: None,
                reason,
                warnings: &[],
            },
            RunEvent::Ended {
                experiment: 0,
                state: experiment.state,
                verdict: experiment.verdict,
                score: None,
                reason: "",
                warnings: &[SECRET.to_owned()],
            },
            RunEvent::Decided(&result.gate),
            RunEvent::Warning(reason),
            RunEvent::Previewed { experiment: 0, preview: &preview },
        ];
        for event in events {
            let mut told = String::new();
            tell_veiled(&event, &Veil::over([SECRET.to_owned()]), &mut |event| told = format!("{event:?}"));
            assert!(told.contains("***") && !told.contains(SECRET), "{told}");
        }
    }
}
