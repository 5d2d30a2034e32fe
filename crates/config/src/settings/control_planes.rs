//! The control planes that the settings of this process name.
//!
//! A secret must never go to an address that a state file alone names: anybody may have written that file. It
//! says where a run is, and the settings say who may be trusted with a secret.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use faultgate_core::environment::Environment;
use faultgate_core::model::{EngineKind, ExperimentPlace, ExperimentPlan};

use super::report::some_layers;
use crate::layers::values::Values;
use crate::suite::content;
use crate::suite::selection::{address_input, block_of_inputs, chooser};

/// The sites of the control planes of each engine: scheme, host and port, by which a browser tells one site
/// from another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlPlanes(BTreeMap<EngineKind, Vec<String>>);

/// A control plane that no setting names.
#[derive(Debug, PartialEq, Eq)]
pub struct Unnamed {
    /// Scheme, host and port of the control plane.
    pub site: String,
    /// The input that would name it. None if there is no such input, only a suite.
    pub input: Option<&'static str>,
}

impl ControlPlanes {
    /// Reads the control planes from the inputs and the suite file. Mistakes in them are told by the commands
    /// that need these settings in full, not here.
    pub(crate) fn read(env: &Environment, flags: &[(String, OsString)], dir: &Path) -> Self {
        let of_engine = |engine| [address_input(engine), chooser(engine).map(|input| input.name)];
        let wanted: Vec<&str> = EngineKind::ALL.into_iter().flat_map(of_engine).flatten().collect();
        let unheard = &mut Vec::new();
        let mut named = Self::default();
        // Settings that cannot be read name nothing, so that no secret goes out because of them.
        let Ok((merged, document)) = some_layers(env, flags, dir, &wanted, unheard) else { return named };
        let values = Values::read(&merged, document.as_ref(), unheard);
        let of_inputs = EngineKind::ALL.into_iter().filter_map(|engine| block_of_inputs(engine, &values));
        let suite = document.as_ref().map(|document| content::read(document, dir, unheard));
        let listed = suite.and_then(|suite| suite.experiments).into_iter().flatten();
        for block in of_inputs.chain(listed.map(|entry| entry.block)) {
            named.add(block.kind(), &block.addresses());
        }
        named
    }

    /// The control planes at which these experiments are.
    pub fn of(experiments: &[ExperimentPlan]) -> Self {
        let mut named = Self::default();
        for experiment in experiments {
            let place = ExperimentPlace::of(&experiment.spec, None);
            named.add(place.kind(), place.url().map(str::to_owned).as_slice());
        }
        named
    }

    fn add(&mut self, engine: EngineKind, urls: &[String]) {
        self.0.entry(engine).or_default().extend(urls.iter().filter_map(|url| site(url)));
    }

    /// Says whether the control plane of this place may receive secrets. A place without a control plane
    /// receives none, so the answer is yes.
    ///
    /// # Errors
    ///
    /// [`Unnamed`] if no setting names the control plane.
    pub fn may_be_told(&self, place: &ExperimentPlace) -> Result<(), Unnamed> {
        let Some(url) = place.url() else { return Ok(()) };
        let named = self.0.get(&place.kind()).map(Vec::as_slice).unwrap_or_default();
        match site(url) {
            Some(site) if named.contains(&site) => Ok(()),
            site => Err(Unnamed {
                site: site.unwrap_or_else(|| url.to_owned()),
                input: address_input(place.kind()),
            }),
        }
    }
}

/// Scheme, host and port of a URL; `None` if it has no host.
fn site(url: &str) -> Option<String> {
    let origin = reqwest::Url::parse(url).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(pairs: &[(&str, &str)], suite: &str) -> ControlPlanes {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".faultgate.yml"), suite).unwrap();
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ControlPlanes::read(&Environment::from_pairs(pairs.collect::<Vec<_>>()), &[], dir.path())
    }

    fn harness(url: &str) -> ExperimentPlace {
        let text = || "x".to_owned();
        ExperimentPlace::Harness {
            url: url.to_owned(),
            account: text(),
            org: text(),
            project: text(),
            experiment: text(),
        }
    }

    fn litmus(url: &str) -> ExperimentPlace {
        let text = || "x".to_owned();
        ExperimentPlace::Litmus { url: url.to_owned(), project: text(), origin: None, experiment: text() }
    }

    const EMPTY: &str = "version: 1\n";

    #[test]
    fn the_default_is_named_until_another_is() {
        let usual = named(&[], EMPTY);
        assert_eq!(usual.may_be_told(&harness("https://app.harness.io/")), Ok(()));
        let other = named(&[("FAULTGATE_HARNESS_URL", "https://harness.example")], EMPTY);
        assert_eq!(other.may_be_told(&harness("https://HARNESS.example:443/gateway")), Ok(()));
        for elsewhere in [
            "https://app.harness.io",
            "http://harness.example",
            "https://harness.example:8443",
            "https://harness.example.evil.test",
            "https://harness.example@evil.test",
            "data:harness.example",
            "",
        ] {
            let unnamed = other.may_be_told(&harness(elsewhere)).unwrap_err();
            assert_eq!(unnamed.input, Some("harness-url"), "{elsewhere}");
        }
    }

    #[test]
    fn each_has_its_own() {
        let both = named(
            &[("INPUT_LITMUS-URL", "https://l.example"), ("FAULTGATE_HARNESS_URL", "https://h.example")],
            EMPTY,
        );
        assert_eq!(both.may_be_told(&litmus("https://l.example")), Ok(()));
        let unnamed = both.may_be_told(&litmus("https://h.example/x")).unwrap_err();
        assert_eq!(unnamed, Unnamed { site: "https://h.example".to_owned(), input: Some("litmus-url") });
        assert!(both.may_be_told(&harness("https://l.example")).is_err());
        assert!(named(&[], EMPTY).may_be_told(&litmus("https://l.example")).is_err());
    }

    #[test]
    fn the_suite_and_the_pages_of_experiments_name_them_too_whatever_else_is_wrong() {
        let suite = "version: 1\ntimeout: 30 parsecs\nexperiments:\n\
             - { name: a, harness: { url: 'https://one.example', experiment: e } }\n\
             - { name: b, litmus: { url: 'https://two.example', experiment: e } }\n\
             - { name: c, harness: { experiment: 'https://three.example/ng/account/A/module/chaos/orgs/O/projects/P/experiments/E/runs' } }\n";
        let page = "https://four.example/account/A/project/P/experiments/E/runs";
        let all = named(&[("FAULTGATE_LITMUS_EXPERIMENT_ID", page)], suite);
        for place in [
            harness("https://one.example"),
            harness("https://three.example"),
            litmus("https://two.example"),
            litmus("https://four.example"),
        ] {
            assert_eq!(all.may_be_told(&place), Ok(()), "{all:?}");
        }
        assert!(all.may_be_told(&harness("https://two.example")).is_err());
    }
}
