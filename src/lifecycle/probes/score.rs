//! The score of an experiment by its probes and its floor, and the sentence that says why. Pure arithmetic.

use faultgate_core::duration::{coarse, exact, from_millis};
use faultgate_core::model::{Phase, Probe, ProbePlan, Score, ScoreSource, TimeInOk, Verdict, weighted_mean};
use faultgate_engines::Judgement;

/// Number of probes, or of losses of the engine's own score, that a reason names.
const MAX_NAMED: usize = 3;

/// Scores an experiment and holds its score against its floor. Where it completed and the engine has no score
/// of its own, the probes give its score. The probes do not change the score of an experiment that was
/// stopped or could not run.
pub(crate) fn score(judged: &mut Judgement, floor: Score, probes: &[Probe], plans: &[ProbePlan]) {
    let scored = probes.iter().any(|probe| probe.weight > 0);
    if scored && judged.score_source == Some(ScoreSource::Completion) {
        judged.score = weighted_mean(probes.iter().map(|probe| (Some(probe.score), probe.weight)));
        judged.score_source = judged.score.map(|_| ScoreSource::Probes);
    }
    if !scored && !probes.is_empty() && judged.score_source == Some(ScoreSource::Completion) {
        let told = "no look of its probes counts, so its score says only that it completed";
        judged.warnings.push(told.to_owned());
    }
    let (Verdict::Passed | Verdict::Failed, Some(score)) = (judged.verdict, judged.score) else { return };
    if judged.score_source == Some(ScoreSource::Engine) {
        judged.warnings.extend(explain_uncounted(probes, plans, &judged.injected));
    }
    let because = match judged.score_source {
        Some(ScoreSource::Probes) => by_probes(probes, plans, &judged.injected),
        Some(ScoreSource::Engine) => by_engine(judged),
        Some(ScoreSource::Completion) => judged.reason.clone(),
        // The stop is the cause, whatever the floor.
        Some(ScoreSource::StopCondition | ScoreSource::Halt) | None => return,
    };
    judged.reason = match judged.verdict {
        _ if score < floor => format!("score {score} < {floor}: {because}"),
        // The experiment failed for a reason of its own, although it reached its floor.
        Verdict::Failed => because,
        _ => format!("score {score} >= {floor}: {because}"),
    };
    if score < floor {
        judged.verdict = Verdict::Failed;
    }
}

/// Returns the reason of a score by probes: the most costly ones, or the sentence that all passed.
fn by_probes(probes: &[Probe], plans: &[ProbePlan], injected: &[String]) -> String {
    let fault = in_words(injected);
    costly(probes, plans, &fault)
        .unwrap_or_else(|| format!("{} while {fault} was in{}", all_passed(probes), and_after(probes)))
}

/// Returns a warning of probes that failed while the engine's own score counts.
fn explain_uncounted(probes: &[Probe], plans: &[ProbePlan], injected: &[String]) -> Option<String> {
    let failed = costly(probes, plans, &in_words(injected))?;
    Some(format!("{failed}; these looks do not count, since the engine's own score does"))
}

/// Names the probes that failed, the most costly first; `None` if each passed.
fn costly(probes: &[Probe], plans: &[ProbePlan], fault: &str) -> Option<String> {
    let lost = |probe: &Probe| (Score::FULL.get() - probe.score.get()) * f64::from(probe.weight);
    let mut costly: Vec<&Probe> = probes.iter().filter(|probe| lost(probe) > 0.0).collect();
    costly.sort_by(|one, other| lost(other).total_cmp(&lost(one)));
    let plan_of = |probe: &Probe| plans.iter().find(|plan| plan.name == probe.name);
    let mut named: Vec<String> =
        costly.iter().take(MAX_NAMED).map(|probe| cost(probe, plan_of(probe), fault)).collect();
    named.extend(more(costly.len(), "probe"));
    (!named.is_empty()).then(|| named.join("; "))
}

/// Returns the losses that the engine tells of its own score, or its reason where it tells none.
fn by_engine(judged: &Judgement) -> String {
    if judged.losses.is_empty() {
        return judged.reason.clone();
    }
    let mut named: Vec<String> = judged.losses.iter().take(MAX_NAMED).cloned().collect();
    named.extend(more(judged.losses.len(), "fault"));
    format!("{} ({})", named.join("; "), judged.reason)
}

/// Says how many there are beyond those that are named.
fn more(all: usize, what: &str) -> Option<String> {
    match all.checked_sub(MAX_NAMED)? {
        0 => None,
        1 => Some(format!("and 1 more {what}")),
        more => Some(format!("and {more} more {what}s")),
    }
}

/// Says that all probes passed, with the number of evaluations.
fn all_passed(probes: &[Probe]) -> String {
    let scored = || probes.iter().filter(|probe| probe.weight > 0);
    let evaluations: u64 = scored().map(|probe| probe.counted).sum();
    let evaluations =
        if evaluations == 1 { "its 1 look".to_owned() } else { format!("all {evaluations} looks") };
    let timed = scored().filter(|probe| probe.by_time.is_some()).count();
    match scored().collect::<Vec<_>>()[..] {
        [probe] if timed == 1 => format!("{} was in OK all the time", probe.name),
        [probe] => format!("{} passed {evaluations}", probe.name),
        ref several if timed == several.len() => format!("{timed} alarms were in OK all the time"),
        ref several if timed > 0 => {
            format!("{} probes passed {evaluations}, {timed} of them in OK all the time", several.len())
        }
        ref several => format!("{} probes passed {evaluations}", several.len()),
    }
}

/// Returns the words for an evaluation after the end, if one counts.
fn and_after(probes: &[Probe]) -> &'static str {
    // An alarm that was measured by time has one look that counts: the one after the end.
    let in_fault = |probe: &Probe| if probe.by_time.is_some() { 0 } else { probe.phases.during.total };
    let has_after = |probe: &Probe| probe.weight > 0 && probe.counted > in_fault(probe);
    if probes.iter().any(has_after) { " and after it" } else { "" }
}

/// Returns the fault by the names of its actions.
fn in_words(injected: &[String]) -> String {
    match injected {
        [] => "the fault".to_owned(),
        names if names.len() <= MAX_NAMED => names.join(" and "),
        names => format!("{} and {} more", names[..MAX_NAMED].join(", "), names.len() - MAX_NAMED),
    }
}

/// Says what a failed probe saw, and when.
fn cost(probe: &Probe, plan: Option<&ProbePlan>, fault: &str) -> String {
    if let Some(phase) = probe.unevaluated {
        return explain_unevaluated(probe, phase, plan, fault);
    }
    if let Some(time) = &probe.by_time {
        return cost_by_time(probe, time, fault);
    }
    let looks_in_fault = |plan: &ProbePlan| plan.when.contains(&Phase::During);
    let (during, after) = (probe.phases.during, probe.phases.after);
    let in_fault = plan.is_none_or(looks_in_fault) && during.passed < during.total;
    let mut text = if in_fault {
        // The number is that of the tables: all looks that count, the one after the end among them.
        let (failed, all) = (probe.counted.saturating_sub(probe.passed_counted), probe.counted);
        format!("{} failed {failed} of {all} looks{} while {fault} was in", probe.name, why(probe))
    } else {
        format!("{} failed after the end{}", probe.name, why(probe))
    };
    let evaluations = probe.counted - during.total.min(probe.counted);
    if in_fault && evaluations > 0 && probe.passed_counted == during.passed {
        text += " and after the end";
    } else if in_fault && after.total > 0 && probe.flaps {
        text += ", and flaps";
    }
    text
}

/// Says how long an alarm that was measured by time was not in OK.
fn cost_by_time(probe: &Probe, time: &TimeInOk, fault: &str) -> String {
    let out = time.fault_ms.saturating_sub(time.ok_ms);
    if out == 0 {
        return format!("{} failed after the end{}", probe.name, why(probe));
    }
    let (out, all) = (coarse(from_millis(out)), coarse(from_millis(time.fault_ms)));
    let why = time.not_ok.last().map(|last| match &last.reason {
        Some(reason) => format!(" ({}: {reason})", last.state),
        None => format!(" ({})", last.state),
    });
    let after = if time.failed_after_ms > 0 { " and failed after the end" } else { "" };
    let why = why.unwrap_or_default();
    format!("{} was not in OK for {out} of {all}{why} while {fault} was in{after}", probe.name)
}

/// Returns the reason of a probe's last failure, in parentheses.
fn why(probe: &Probe) -> String {
    probe.last_failure().map(|why| format!(" ({why})")).unwrap_or_default()
}

/// Says that a phase had no evaluation, and what can be done about it.
fn explain_unevaluated(probe: &Probe, phase: Phase, plan: Option<&ProbePlan>, fault: &str) -> String {
    let name = &probe.name;
    if phase == Phase::After {
        return format!("{name} was never evaluated after the end");
    }
    if let Some(why) = &probe.unmeasured {
        return format!("{name} was not measured while {fault} was in: {why}");
    }
    let every = plan.map(|plan| format!(" (every {})", exact(plan.every))).unwrap_or_default();
    format!(
        "{name} was never evaluated: no look{every} began while {fault} was in; set a shorter every, let the fault \
         last longer, or look only after"
    )
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
