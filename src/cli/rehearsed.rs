//! What a rehearsal changes about probes: those that name the target find it, and an experiment that nobody has
//! described gets some.

use std::collections::BTreeMap;
use std::time::Duration;

use faultgate_core::model::{Access, Check, Hidden, HttpCheck, Phase, Plan, ProbePlan, Statuses};
use faultgate_rehearsal::{TARGET_HOST, TEMPLATE_ID};

/// The experiment of a rehearsal for which nothing was named.
const UNNAMED: &str = "rehearsal";
/// So that one sees some samples of a fault of a second.
const EVERY: Duration = Duration::from_millis(200);
/// Far more than the target takes, also on a machine with much else to do.
const WITHIN: Duration = Duration::from_secs(3);
const RECOVERY: Duration = Duration::from_secs(1);

/// Gives the experiment of a plain rehearsal its probes. The first of them stops the experiment after so many failures in a
/// row, if that is given.
pub(super) fn measure(plan: &mut Plan, aborts_after: Option<u32>) {
    let [experiment] = plan.experiments.as_mut_slice() else { return };
    let is_plain = experiment.name == UNNAMED && experiment.spec.source() == TEMPLATE_ID;
    if is_plain && experiment.probes.is_empty() {
        let checkout =
            probe("checkout answers", "checkout", &[Phase::Before, Phase::During, Phase::After], 10, None);
        experiment.probes = vec![
            ProbePlan { aborts_after, ..checkout },
            probe("cart comes back", "cart", &[Phase::Before, Phase::After], 5, Some(RECOVERY)),
        ];
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
        within: WITHIN,
    };
    ProbePlan {
        name: name.to_owned(),
        check: Check::Http(check),
        when: when.to_vec(),
        every: EVERY,
        weight,
        recovers_within,
        aborts_after: None,
    }
}

/// Puts the target's address into the place of its name. This machine is never asked through a proxy.
pub(super) fn point_at_target(plan: &mut Plan, target: &str) {
    for probe in plan.experiments.iter_mut().flat_map(|experiment| &mut experiment.probes) {
        if let Check::Http(check) = &mut probe.check
            && let Some(url) = at_target(&check.url.0, target)
        {
            check.url = Hidden(url);
        }
    }
}

/// The URL as the target is really reached; None if it is another's.
fn at_target(url: &str, target: &str) -> Option<String> {
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
        let at = |url| at_target(url, "http://127.0.0.1:4010/target");
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
