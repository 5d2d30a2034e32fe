//! The AWS accounts and Regions that a plan leads to, each connected to once.

use std::sync::Arc;

use aws_config::SdkConfig;

use super::connect::Endpoints;
use crate::aws;
use crate::config::{self, Environment, Mistake, Secret};
use crate::engine::fis;
use crate::model::{Check, EngineSpec, ExperimentPlan, Plan};
use crate::role::{Role, Voucher};

/// A Region, and the role by which its account is reached.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// None: the SDK's default chain says which.
    pub(super) region: Option<String>,
    pub(super) role_arn: Option<String>,
}

/// One account in one Region.
pub(super) struct Account {
    pub(super) number: usize,
    pub(super) region: String,
    pub(super) role_arn: Option<String>,
    pub(super) role: Option<Arc<Role>>,
    pub(super) sdk: SdkConfig,
}

/// By what roles are assumed.
#[derive(Clone, Copy)]
pub(super) struct Access<'a> {
    pub(super) env: &'a Environment,
    pub(super) id_token: Option<&'a Secret>,
    /// Names the sessions of roles.
    pub(super) run_id: &'a str,
}

pub(super) struct Accounts<'a> {
    endpoints: &'a Endpoints,
    /// Where probes look whose experiment is in no account.
    usual: &'a Place,
    access: Access<'a>,
    /// None if nothing of the plan is in AWS.
    base: Option<SdkConfig>,
    known: Vec<Account>,
}

impl<'a> Accounts<'a> {
    /// The default Region is looked for only if somebody has none of their own.
    pub(super) async fn of(
        plan: &Plan,
        usual: &'a Place,
        endpoints: &'a Endpoints,
        access: Access<'a>,
    ) -> Result<Self, Mistake> {
        let mut regions = plan.experiments.iter().filter_map(|experiment| match &experiment.spec {
            EngineSpec::Fis { region, .. } => Some(region.as_deref()),
            EngineSpec::Command(_) | EngineSpec::Harness(_) | EngineSpec::Litmus(_) => {
                asks_cloudwatch(experiment).then_some(usual.region.as_deref())
            }
        });
        let base = match (endpoints, regions.next()) {
            (_, None) => None,
            (Endpoints::Embedded(url), _) => Some(fis::connect_embedded(url, None)),
            (Endpoints::Real(http), Some(first)) => {
                let first = first.filter(|_| regions.all(|region| region.is_some()));
                Some(aws::connect(first, access.env, http).await?)
            }
        };
        Ok(Self { endpoints, usual, access, base, known: Vec::new() })
    }

    /// Where the probes look whose experiment is in no account of its own. None where none of them does.
    pub(super) fn of_probes(&mut self, experiment: &ExperimentPlan) -> Result<Option<&SdkConfig>, Mistake> {
        if !asks_cloudwatch(experiment) {
            return Ok(None);
        }
        self.reach(self.usual.clone(), &experiment.name).map(|account| Some(&account.sdk))
    }

    /// The account in which an experiment is. It is connected to once.
    pub(super) fn reach(&mut self, place: Place, experiment: &str) -> Result<&Account, Mistake> {
        let chain = self.base.as_ref().and_then(SdkConfig::region).map(ToString::to_string);
        let (Some(base), Some(region)) = (&self.base, place.region.or(chain)) else {
            let message = format!("no Region is known for {experiment}");
            return Err(Mistake::new("aws-region and the SDK's default chain", message)
                .hint("set --aws-region, FAULTGATE_AWS_REGION or AWS_REGION"));
        };
        config::aws_region(&region)?;
        let known = |account: &Account| account.region == region && account.role_arn == place.role_arn;
        let number = if let Some(number) = self.known.iter().position(known) {
            number
        } else {
            let there = fis::in_region(base, &region);
            let role = self.role(&there, place.role_arn.as_deref())?;
            let sdk = role.as_ref().map_or_else(|| there.clone(), |role| role.worn_by(&there));
            let number = self.known.len();
            self.known.push(Account { number, region, role_arn: place.role_arn, role, sdk });
            number
        };
        Ok(&self.known[number])
    }

    /// All that were reached, in that order.
    pub(super) fn into_known(self) -> Vec<Account> {
        self.known
    }

    /// There are no roles to assume in a rehearsal.
    fn role(&self, there: &SdkConfig, arn: Option<&str>) -> Result<Option<Arc<Role>>, Mistake> {
        let (Some(arn), Endpoints::Real(http)) = (arn, self.endpoints) else { return Ok(None) };
        let Access { env, id_token, run_id } = self.access;
        let voucher = Voucher::find(env, id_token, arn, http)?;
        Ok(Some(Arc::new(Role::new(there, arn, voucher, run_id))))
    }
}

fn asks_cloudwatch(experiment: &ExperimentPlan) -> bool {
    let asks = |check: &Check| matches!(check, Check::CloudwatchAlarm { .. } | Check::CloudwatchMetric(_));
    experiment.probes.iter().any(|probe| asks(&probe.check))
}
