//! The AWS accounts and Regions that places lead to. Each pair of account and Region is connected to once.

use std::sync::Arc;

use aws_config::SdkConfig;

use super::endpoints::Endpoints;
use super::places::AccountPlace;
use faultgate_config as config;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::secret::Secret;
use faultgate_engines::probe::AlarmDesk;
use faultgate_net::aws;
use faultgate_net::aws::role::ChainIn;
use faultgate_net::aws::role::{Role, Voucher};
use faultgate_net::foreign::aws_region;
use faultgate_net::http::no_client;
use faultgate_report::ci::{Ci, Surroundings};

/// One account in one Region, connected.
pub(crate) struct AwsAccount {
    pub(crate) number: usize,
    pub(crate) region: String,
    pub(crate) role_arn: Option<String>,
    pub(crate) role: Option<Arc<Role>>,
    pub(crate) sdk: SdkConfig,
    /// The desk at which probes ask for the alarms there.
    pub(crate) desk: AlarmDesk,
}

/// The inputs by which roles are assumed.
#[derive(Clone, Copy)]
pub(crate) struct RoleInputs<'a> {
    pub(crate) env: &'a Environment,
    pub(crate) id_token: Option<&'a Secret>,
    /// Id of the run, which names the sessions of roles.
    pub(crate) run_id: &'a str,
}

/// All accounts that were connected to so far.
pub(crate) struct AwsAccounts<'a> {
    endpoints: &'a Endpoints,
    role_inputs: RoleInputs<'a>,
    /// Configuration that those of all accounts are made from. None if nothing of the plan is in AWS.
    base: Option<SdkConfig>,
    known: Vec<AwsAccount>,
}

impl<'a> AwsAccounts<'a> {
    /// Prepares the connections to these Regions. The default Region, for which None stands, is looked for only
    /// if one of them is it, since that look-up may take seconds.
    pub(crate) async fn prepare(
        regions: &[Option<String>],
        endpoints: &'a Endpoints,
        role_inputs: RoleInputs<'a>,
    ) -> Result<Self, Mistake> {
        let base = match (endpoints, regions.first()) {
            (_, None) => None,
            (Endpoints::Embedded(url), _) => {
                Some(aws::connect_embedded(url, None).map_err(|failure| no_client(&failure))?)
            }
            (Endpoints::Real(http), Some(first)) => {
                let are_named = regions.iter().all(Option::is_some);
                let first = first.as_deref().filter(|_| are_named);
                let env = role_inputs.env;
                Some(aws::connect(first, env, config::without_secrets(env), http, chain_in(env)).await?)
            }
        };
        Ok(Self { endpoints, role_inputs, base, known: Vec::new() })
    }

    /// Returns the account at a place, which is connected to when it is first asked for. `name` tells mistakes
    /// who asks.
    pub(crate) fn reach(&mut self, place: &AccountPlace, name: &str) -> Result<&AwsAccount, Mistake> {
        let chain = self.base.as_ref().and_then(SdkConfig::region).map(ToString::to_string);
        let (Some(base), Some(region)) = (&self.base, place.region.clone().or(chain)) else {
            let message = format!("no Region is known for {name}");
            return Err(Mistake::new("aws-region and the SDK's default chain", message)
                .hint("set --aws-region, FAULTGATE_AWS_REGION or AWS_REGION"));
        };
        aws_region(&region)?;
        // Two roles may lead to one account, and each needs its own credentials.
        let known = |account: &AwsAccount| account.region == region && account.role_arn == place.role_arn;
        let number = if let Some(number) = self.known.iter().position(known) {
            number
        } else {
            let there = aws::in_region(base, &region);
            let role = self.role(&there, place.role_arn.as_deref())?;
            let sdk = role.as_ref().map_or_else(|| there.clone(), |role| role.worn_by(&there));
            let number = self.known.len();
            self.known.push(AwsAccount {
                number,
                region,
                role_arn: place.role_arn.clone(),
                role,
                sdk,
                desk: AlarmDesk::default(),
            });
            number
        };
        Ok(&self.known[number])
    }

    /// Returns all accounts that were reached, in that order.
    pub(crate) fn into_known(self) -> Vec<AwsAccount> {
        self.known
    }

    /// Returns the role to assume. None if there is no ARN, or in a rehearsal, which has no roles.
    fn role(&self, in_region: &SdkConfig, arn: Option<&str>) -> Result<Option<Arc<Role>>, Mistake> {
        let (Some(arn), Endpoints::Real(http)) = (arn, self.endpoints) else { return Ok(None) };
        let RoleInputs { env, id_token, run_id } = self.role_inputs;
        let voucher = Voucher::find(env, id_token, arn, http, chain_in(env))?;
        Ok(Some(Arc::new(Role::new(in_region, arn, voucher, run_id))))
    }
}

/// The CI whose remedy is told where the default chain is not enough: by what the CI is, and not by a variable alone,
/// since a build of CodeBuild may have been handed all of GitHub's.
pub(super) fn chain_in(env: &Environment) -> ChainIn {
    match Surroundings::detect(env, None, None).ci {
        ci if ci.is_github_like() => ChainIn::Github,
        Ci::GitLabCi => ChainIn::Gitlab,
        Ci::None => ChainIn::Desk,
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
        assert_eq!(chain(&[("JENKINS_URL", "https://ci.example/")]), ChainIn::Elsewhere);
        assert_eq!(chain(&[]), ChainIn::Desk, "somebody's own machine");
    }
}
