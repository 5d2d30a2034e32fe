//! The AWS accounts and Regions that a plan leads to. Each pair of account and Region is connected to once.

use std::sync::Arc;

use aws_config::SdkConfig;

use super::engines::Endpoints;
use faultgate_config as config;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{Check, EngineSpec, ExperimentPlan, Plan};
use faultgate_core::secret::Secret;
use faultgate_net::aws;
use faultgate_net::aws::role::ChainIn;
use faultgate_net::aws::role::{Role, Voucher};
use faultgate_net::foreign::aws_region;
use faultgate_report::ci::{Ci, Surroundings};

/// A Region, and the role by which its account is reached.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Name of the Region. None if the SDK's default chain decides.
    pub(crate) region: Option<String>,
    pub(crate) role_arn: Option<String>,
}

/// One account in one Region, connected.
pub(crate) struct Account {
    pub(crate) number: usize,
    pub(crate) region: String,
    pub(crate) role_arn: Option<String>,
    pub(crate) role: Option<Arc<Role>>,
    pub(crate) sdk: SdkConfig,
}

/// The inputs by which roles are assumed.
#[derive(Clone, Copy)]
pub(crate) struct Access<'a> {
    pub(crate) env: &'a Environment,
    pub(crate) id_token: Option<&'a Secret>,
    /// Id of the run, which names the sessions of roles.
    pub(crate) run_id: &'a str,
}

/// All accounts that were connected to so far.
pub(crate) struct Accounts<'a> {
    endpoints: &'a Endpoints,
    /// Place in which probes ask AWS if their experiment is in no account.
    usual: &'a Place,
    access: Access<'a>,
    /// Configuration that those of all accounts are made from. None if nothing of the plan is in AWS.
    base: Option<SdkConfig>,
    known: Vec<Account>,
}

impl<'a> Accounts<'a> {
    /// Prepares the connections of a plan. The default Region is looked for only if an experiment or a probe
    /// has none of its own, since that look-up may take seconds.
    pub(crate) async fn of(
        plan: &Plan,
        usual: &'a Place,
        endpoints: &'a Endpoints,
        access: Access<'a>,
    ) -> Result<Self, Mistake> {
        let mut regions = plan.experiments.iter().flat_map(|experiment| regions_of(experiment, usual));
        let base = match (endpoints, regions.next()) {
            (_, None) => None,
            (Endpoints::Embedded(url), _) => Some(aws::connect_embedded(url, None)),
            (Endpoints::Real(http), Some(first)) => {
                let all = regions.all(|region| region.is_some());
                Some(
                    aws::connect(
                        first.as_deref().filter(|_| all),
                        access.env,
                        config::without_secrets(access.env),
                        http,
                    )
                    .await?,
                )
            }
        };
        Ok(Self { endpoints, usual, access, base, known: Vec::new() })
    }

    /// Returns the configuration by which a probe of the experiment asks AWS. None if it does not ask AWS.
    pub(crate) fn of_probe(
        &mut self,
        check: &Check,
        experiment: &ExperimentPlan,
    ) -> Result<Option<&SdkConfig>, Mistake> {
        match place_of(check, &home(experiment, self.usual)) {
            None => Ok(None),
            Some(place) => self.reach(place, &experiment.name).map(|account| Some(&account.sdk)),
        }
    }

    /// Returns the account at a place, which is connected to when it is first asked for.
    pub(crate) fn reach(&mut self, place: Place, experiment: &str) -> Result<&Account, Mistake> {
        let chain = self.base.as_ref().and_then(SdkConfig::region).map(ToString::to_string);
        let (Some(base), Some(region)) = (&self.base, place.region.or(chain)) else {
            let message = format!("no Region is known for {experiment}");
            return Err(Mistake::new("aws-region and the SDK's default chain", message)
                .hint("set --aws-region, FAULTGATE_AWS_REGION or AWS_REGION"));
        };
        aws_region(&region)?;
        // Two roles may lead to one account, and each needs its own credentials.
        let known = |account: &Account| account.region == region && account.role_arn == place.role_arn;
        let number = if let Some(number) = self.known.iter().position(known) {
            number
        } else {
            let there = aws::in_region(base, &region);
            let role = self.role(&there, place.role_arn.as_deref())?;
            let sdk = role.as_ref().map_or_else(|| there.clone(), |role| role.worn_by(&there));
            let number = self.known.len();
            self.known.push(Account { number, region, role_arn: place.role_arn, role, sdk });
            number
        };
        Ok(&self.known[number])
    }

    /// Returns all accounts that were reached, in that order.
    pub(crate) fn into_known(self) -> Vec<Account> {
        self.known
    }

    /// Returns the role to assume. None if there is no ARN, or in a rehearsal, which has no roles.
    fn role(&self, in_region: &SdkConfig, arn: Option<&str>) -> Result<Option<Arc<Role>>, Mistake> {
        let (Some(arn), Endpoints::Real(http)) = (arn, self.endpoints) else { return Ok(None) };
        let Access { env, id_token, run_id } = self.access;
        let voucher = Voucher::find(env, id_token, arn, http, chain_in(env))?;
        Ok(Some(Arc::new(Role::new(in_region, arn, voucher, run_id))))
    }
}

/// Returns the place of an experiment, or that of the inputs if the experiment is in no account.
fn home(experiment: &ExperimentPlan, usual: &Place) -> Place {
    match &experiment.spec {
        EngineSpec::Fis { region, role_arn, .. } => {
            Place { region: region.clone(), role_arn: role_arn.clone() }
        }
        EngineSpec::Command(_) | EngineSpec::Harness(_) | EngineSpec::Litmus(_) => usual.clone(),
    }
}

/// Returns the place in which a probe asks AWS, if it does.
fn place_of(check: &Check, home: &Place) -> Option<Place> {
    match check {
        Check::CloudwatchAlarm { .. } | Check::CloudwatchMetric(_) => Some(home.clone()),
        Check::Prometheus(check) => check.signing.as_ref().map(|signing| Place {
            region: Some(signing.region.clone()),
            role_arn: signing.role_arn.clone().or_else(|| home.role_arn.clone()),
        }),
        Check::Http(_) | Check::Tcp { .. } | Check::Command { .. } => None,
    }
}

/// Returns the Regions in which the experiment and its probes ask AWS. None stands for the default Region.
fn regions_of(experiment: &ExperimentPlan, usual: &Place) -> Vec<Option<String>> {
    let home = home(experiment, usual);
    let experiment_place = matches!(experiment.spec, EngineSpec::Fis { .. }).then(|| home.clone());
    let probes = experiment.probes.iter().filter_map(|probe| place_of(&probe.check, &home));
    experiment_place.into_iter().chain(probes).map(|place| place.region).collect()
}

/// The CI whose remedy is told where the default chain is not enough: by what the CI is, and not by a variable alone,
/// since a build of CodeBuild may have been handed all of GitHub's.
fn chain_in(env: &Environment) -> ChainIn {
    match Surroundings::detect(env, None, None).ci {
        ci if ci.is_github_like() => ChainIn::Github,
        Ci::GitLabCi => ChainIn::Gitlab,
        _ => ChainIn::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_is_that_of_the_ci_that_runs_the_job() {
        let chain =
            |variables: &[(&str, &str)]| chain_in(&Environment::from_pairs(variables.iter().copied()));
        let github = [("GITHUB_ACTIONS", "true"), ("GITHUB_RUN_ID", "7"), ("GITHUB_REPOSITORY", "shop/web")];
        assert_eq!(chain(&github), ChainIn::Github);
        let handed_over = [("CODEBUILD_BUILD_ID", "web:1234")];
        assert_eq!(
            chain(&[&github[..], &handed_over].concat()),
            ChainIn::Elsewhere,
            "aws-codebuild-run-build"
        );
        let runner = [("CODEBUILD_BUILD_ID", "web:1234"), ("RUNNER_NAME", "codebuild")];
        assert_eq!(chain(&[&github[..], &runner].concat()), ChainIn::Github, "a runner in CodeBuild");
        assert_eq!(chain(&[("GITLAB_CI", "true")]), ChainIn::Gitlab);
        assert_eq!(chain(&[]), ChainIn::Elsewhere);
    }
}
