//! The places that engines are connected to: what a plan and a state file say about where experiments are.

use faultgate_core::model::{EngineSpec, HarnessProject, LitmusProject, SubscriptionState};

/// A Region, and the role by which its account is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsPlace {
    /// Name of the Region. None if the SDK's default chain decides.
    pub(crate) region: Option<String>,
    /// ARN of the role that is assumed to reach the account. None if the default chain's credentials lead
    /// there.
    pub(crate) role_arn: Option<String>,
}

/// The place of an engine. Experiments in one place share one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EnginePlace {
    Fis(AwsPlace),
    Harness(HarnessProject),
    Litmus(LitmusProject),
    /// This machine, which runs commands.
    Command,
}

impl EnginePlace {
    /// Returns the place of an experiment.
    pub(crate) fn from_spec(spec: &EngineSpec) -> Self {
        match spec {
            EngineSpec::Fis { region, role_arn, .. } => {
                Self::Fis(AwsPlace { region: region.clone(), role_arn: role_arn.clone() })
            }
            EngineSpec::Harness(spec) => Self::Harness(spec.project.clone()),
            EngineSpec::Litmus(spec) => Self::Litmus(spec.project.clone()),
            EngineSpec::Command(_) => Self::Command,
        }
    }

    /// Returns the place of a subscription, which only FIS has.
    pub(crate) fn from_subscription(subscription: &SubscriptionState) -> Self {
        let SubscriptionState { region, role_arn, .. } = subscription;
        Self::Fis(AwsPlace { region: Some(region.clone()), role_arn: role_arn.clone() })
    }

    /// Returns the place in AWS, if the engine is there.
    pub(crate) fn aws(&self) -> Option<&AwsPlace> {
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
