//! The CIs that are known.

use faultgate_core::closed_set;

closed_set! {
    /// A CI that is known, with its name as results and parts record it. The CIs are in the order in which
    /// they are looked for: one that speaks another's language, or runs inside it, goes before it. A step of
    /// GitHub Actions can start a build of CodeBuild and hands over all of its variables. Jenkins is the
    /// last, since its variable reaches whatever Jenkins starts.
    #[derive(Default)]
    pub enum Ci {
        #[default]
        None = "none",
        CodeBuild = "codebuild",
        ForgejoActions = "forgejo-actions",
        GiteaActions = "gitea-actions",
        GitHubActions = "github-actions",
        GitLabCi = "gitlab-ci",
        BitbucketPipelines = "bitbucket-pipelines",
        Buildkite = "buildkite",
        CircleCi = "circleci",
        AzurePipelines = "azure-pipelines",
        Woodpecker = "woodpecker",
        Drone = "drone",
        TeamCity = "teamcity",
        Jenkins = "jenkins",
    }
}

impl Ci {
    /// Says whether this CI is GitHub Actions, or one that speaks its language.
    pub fn is_github_like(self) -> bool {
        matches!(self, Self::GitHubActions | Self::GiteaActions | Self::ForgejoActions)
    }

    /// Says whether the checkout fills the gaps. It does where the CI tells little else, and checks out
    /// nothing but the commit that is reported on.
    pub(super) fn trusts_checkout(self) -> bool {
        match self {
            Self::None | Self::TeamCity | Self::Jenkins | Self::Buildkite => true,
            Self::CodeBuild
            | Self::ForgejoActions
            | Self::GiteaActions
            | Self::GitHubActions
            | Self::GitLabCi
            | Self::BitbucketPipelines
            | Self::CircleCi
            | Self::AzurePipelines
            | Self::Woodpecker
            | Self::Drone => false,
        }
    }
}
