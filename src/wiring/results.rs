//! The way to results in S3: the bucket, by the credentials of the run.

use faultgate_config::ReportSettings;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::secret::Secret;
use faultgate_net::aws::s3::S3Bucket;
use faultgate_net::http::HttpSettings;

use super::accounts::{AwsAccounts, RoleInputs};
use super::endpoints::Endpoints;
use super::places::AccountPlace;

/// The place that results are reached from: the account and Region of the run.
pub(crate) struct ResultsPlace {
    place: AccountPlace,
    http: HttpSettings,
    env: Environment,
    id_token: Option<Secret>,
    id: String,
}

impl ResultsPlace {
    /// Makes the place of a run with these settings. `id` names the session of a role.
    pub(crate) fn of(settings: &ReportSettings, env: &Environment, id: &str) -> Self {
        Self {
            place: AccountPlace { region: settings.region.clone(), role_arn: settings.role_arn.clone() },
            http: settings.http.clone(),
            env: env.clone(),
            id_token: settings.tokens.aws_id.clone(),
            id: id.to_owned(),
        }
    }

    /// Connects to a bucket. The error is a sentence for the user.
    pub(crate) async fn connect(self, bucket: String) -> Result<S3Bucket, String> {
        self.reach(&bucket).await.map_err(|mistake| mistake.to_string())
    }

    /// Connects to a bucket.
    pub(crate) async fn reach(&self, bucket: &str) -> Result<S3Bucket, Mistake> {
        let endpoints = Endpoints::Real(self.http.clone());
        let role_inputs = RoleInputs { env: &self.env, id_token: self.id_token.as_ref(), run_id: &self.id };
        let regions = [self.place.region.clone()];
        let mut accounts = AwsAccounts::prepare(&regions, &endpoints, role_inputs).await?;
        let account = accounts.reach(&self.place, &format!("the bucket {bucket}"))?;
        let connected = S3Bucket::connect(bucket, &account.sdk, &self.http);
        let connected =
            connected.map_err(|failure| Mistake::new("the credentials of AWS", failure.with_remedy()))?;
        // The credentials are loaded now, since nobody has time for that after a signal. What is wrong with them
        // is told by the first request.
        connected.load_credentials().await;
        Ok(connected)
    }
}
