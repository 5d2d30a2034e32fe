//! The places that engines are connected to: what a plan and a state file say about where experiments are.

use faultgate_core::model::{EngineSpec, HarnessProject, LitmusProject, SubscriptionState};

/// A Region, and the role by which its account is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountPlace {
    /// Name of the Region. None if the SDK's default chain decides.
    pub(crate) region: Option<String>,
    /// ARN of the role that is assumed to reach the account. None if the default chain's credentials lead
    /// there.
    pub(crate) role_arn: Option<String>,
}

/// The place of an engine. Experiments in one place share one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EnginePlace {
    Fis(AccountPlace),
    Harness(HarnessProject),
    Litmus(LitmusProject),
    /// The machine that faultgate runs on, for commands.
    Command,
}

impl EnginePlace {
    /// Returns the place of an experiment.
    pub(crate) fn from_spec(spec: &EngineSpec) -> Self {
        match spec {
            EngineSpec::Fis { region, role_arn, .. } => {
                Self::Fis(AccountPlace { region: region.clone(), role_arn: role_arn.clone() })
            }
            EngineSpec::Harness(spec) => Self::Harness(spec.project.clone()),
            EngineSpec::Litmus(spec) => Self::Litmus(spec.project.clone()),
            EngineSpec::Command(_) => Self::Command,
        }
    }

    /// Returns the place of a subscription, which is of the one [kind](SubscriptionState::kind) that makes
    /// any.
    pub(crate) fn from_subscription(subscription: &SubscriptionState) -> Self {
        let SubscriptionState { region, role_arn, .. } = subscription;
        Self::Fis(AccountPlace { region: Some(region.clone()), role_arn: role_arn.clone() })
    }

    /// Returns the place in AWS, if the engine is there.
    pub(crate) fn aws(&self) -> Option<&AccountPlace> {
        match self {
            Self::Fis(place) => Some(place),
            Self::Harness(_) | Self::Litmus(_) | Self::Command => None,
        }
    }
}

/// A place that is to be connected to, and the name of the experiment or subscription there, which mistakes
/// tell.
#[derive(Debug)]
pub(crate) struct Destination<'a> {
    pub(crate) name: &'a str,
    pub(crate) place: EnginePlace,
}

#[cfg(test)]
mod tests {
    use faultgate_core::model::ExperimentPlace;

    use super::*;

    #[test]
    fn experiments_of_one_project_share_a_place_and_those_of_another_role_do_not() {
        let harness = |project: &str, experiment: &str| ExperimentPlace::Harness {
            url: "https://harness.example".to_owned(),
            account: "a".to_owned(),
            org: "o".to_owned(),
            project: project.to_owned(),
            experiment: experiment.to_owned(),
        };
        let place = |place: ExperimentPlace| EnginePlace::from_spec(&place.spec());
        assert_eq!(place(harness("p", "one")), place(harness("p", "two")));
        assert_ne!(place(harness("p", "one")), place(harness("q", "one")));
        let fis = |template: &str, role_arn: Option<&str>| ExperimentPlace::Fis {
            template: template.to_owned(),
            region: Some("eu-west-1".to_owned()),
            role_arn: role_arn.map(str::to_owned),
        };
        assert_eq!(place(fis("EXT1", None)), place(fis("EXT2", None)));
        assert_ne!(place(fis("EXT1", None)), place(fis("EXT1", Some("arn:aws:iam::1:role/chaos"))));
        assert_eq!(place(harness("p", "one")).aws(), None);
    }
}
