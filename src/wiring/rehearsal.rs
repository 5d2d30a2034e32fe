//! A rehearsal: an embedded world plays a scenario, and the plan is rewritten for it.
//!
//! Every experiment becomes one of FIS, since a rehearsal must not touch a real system. Probes that name the
//! target find it, and an experiment that nobody has described gets some.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use faultgate_core::clock::Clock;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{
    Access, Check, EngineSpec, Hidden, HttpCheck, Monitor, Phase, Plan, ProbePlan, RehearsalNote, Statuses,
    TARGET_HOST,
};
use faultgate_rehearsal::{Scenario, Server, TEMPLATE_ID, World};

/// Name of the experiment of a rehearsal for which none was named.
const UNNAMED: &str = "rehearsal";
/// Interval of the probes, short enough for several samples during a fault of a second.
const PROBE_INTERVAL: Duration = Duration::from_millis(200);
/// Time limit of an evaluation, far more than the target takes even on a busy machine.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// Time in which the target has to recover.
const RECOVERY_TIME: Duration = Duration::from_secs(1);

/// A plan rewritten for an embedded world, which is served as long as this value lives.
pub(crate) struct Rehearsed {
    pub(crate) plan: Plan,
    pub(crate) note: RehearsalNote,
    /// Length of each experiment, if nothing stops it.
    pub(crate) length: Duration,
    /// Address of the embedded endpoints.
    pub(crate) url: String,
    _server: AbortOnDropHandle<()>,
}

impl Rehearsed {
    /// Rewrites a plan, and serves a world that plays the scenario for each of its experiments. `fault` is the
    /// length of the fault, if not that of the scenario. The error is a mistake in the settings.
    pub(crate) async fn prepare(
        mut plan: Plan,
        scenario: &Scenario,
        fault: Option<Duration>,
        clock: Clock,
    ) -> Result<Self, Mistake> {
        if plan.monitor == Monitor::Queue {
            // The user's queue does not exist in the embedded world.
            plan.monitor = Monitor::Events;
        }
        let replaced = replace_others(&mut plan);
        let world = World::new(scenario, clock);
        let life = scenario.life(fault);
        for experiment in &plan.experiments {
            world.script(experiment.spec.source(), life.clone());
        }
        world.begin_others(scenario);
        let server = Server::bind(world).await.map_err(|error| {
            Mistake::new(
                "rehearsal",
                format!("the embedded endpoints could not listen on 127.0.0.1: {error}"),
            )
        })?;
        // The world serves on a port that is only now known, so probes are pointed at the target last.
        add_probes(&mut plan, scenario);
        point_at_target(&mut plan, &server.target_url());
        let note = RehearsalNote {
            scenario: scenario.name.to_owned(),
            note: format!("embedded endpoints, no real system was touched{replaced}"),
        };
        let length = life.iter().map(|beat| beat.after).sum();
        let url = server.url.clone();
        Ok(Self { plan, note, length, url, _server: AbortOnDropHandle::new(tokio::spawn(server.serve())) })
    }
}

/// Replaces each experiment that is not FIS's by one of the scenario. Returns a note about it.
fn replace_others(plan: &mut Plan) -> String {
    let mut names = Vec::new();
    for experiment in &mut plan.experiments {
        if !matches!(experiment.spec, EngineSpec::Fis { .. }) {
            experiment.spec =
                EngineSpec::Fis { template: TEMPLATE_ID.to_owned(), region: None, role_arn: None };
            names.push(experiment.name.as_str());
        }
    }
    if names.is_empty() {
        return String::new();
    }
    format!("; nothing of {} was started: the scenario's experiment stood in", names.join(", "))
}

/// Gives the experiment of a plain rehearsal its probes. The first of them stops the experiment if the
/// scenario says so.
fn add_probes(plan: &mut Plan, scenario: &Scenario) {
    let Scenario { aborts_after, alarm, .. } = *scenario;
    let [experiment] = plan.experiments.as_mut_slice() else { return };
    let is_plain = experiment.name == UNNAMED && experiment.spec.source() == TEMPLATE_ID;
    if is_plain && experiment.probes.is_empty() {
        let checkout =
            probe("checkout answers", "checkout", &[Phase::Before, Phase::During, Phase::After], 10, None);
        experiment.probes = vec![
            ProbePlan { aborts_after, ..checkout },
            probe("cart comes back", "cart", &[Phase::Before, Phase::After], 5, Some(RECOVERY_TIME)),
        ];
        experiment.probes.extend(alarm.map(|name| ProbePlan {
            name: "the system has no alarm".to_owned(),
            check: Check::CloudwatchAlarm { name: name.to_owned(), within: PROBE_TIMEOUT },
            ..probe("", "", &[Phase::Before, Phase::During, Phase::After], 10, None)
        }));
    }
}

fn probe(
    name: &str,
    path: &str,
    when: &[Phase],
    weight: u32,
    recovers_within: Option<Duration>,
) -> ProbePlan {
    let check = HttpCheck {
        url: Hidden(format!("http://{TARGET_HOST}/{path}")),
        method: "GET".to_owned(),
        access: Access::default(),
        body: None,
        statuses: Statuses(vec![200..=200]),
        contains: None,
        expect_headers: BTreeMap::new(),
        within: PROBE_TIMEOUT,
    };
    ProbePlan {
        name: name.to_owned(),
        check: Check::Http(check),
        when: when.to_vec(),
        every: PROBE_INTERVAL,
        weight,
        recovers_within,
        aborts_after: None,
    }
}

/// Replaces the target's name by its address in all HTTP probes. This machine is never asked through a proxy.
fn point_at_target(plan: &mut Plan, target: &str) {
    for probe in plan.experiments.iter_mut().flat_map(|experiment| &mut experiment.probes) {
        if let Check::Http(check) = &mut probe.check
            && let Some(url) = find_target_url(&check.url.0, target)
        {
            check.url = Hidden(url);
        }
    }
}

/// Returns the URL by which the target is really reached. None if the URL is not the target's.
fn find_target_url(url: &str, target: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    if url.scheme() != "http" || url.host_str() != Some(TARGET_HOST) {
        return None;
    }
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{target}{}{query}", url.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_target_s_own_name_is_replaced() {
        let at = |url| find_target_url(url, "http://127.0.0.1:4010/target");
        for (url, real) in [
            ("http://target.rehearsal.invalid", "http://127.0.0.1:4010/target/"),
            ("http://target.rehearsal.invalid/cart?id=1#top", "http://127.0.0.1:4010/target/cart?id=1"),
            ("http://TARGET.rehearsal.invalid:8080/a/b", "http://127.0.0.1:4010/target/a/b"),
        ] {
            assert_eq!(at(url).as_deref(), Some(real), "{url}");
        }
        for url in [
            "https://target.rehearsal.invalid/",
            "http://target.rehearsal.invalid.example/",
            "http://shop.example/target.rehearsal.invalid",
        ] {
            assert_eq!(at(url), None, "{url}");
        }
    }
}
