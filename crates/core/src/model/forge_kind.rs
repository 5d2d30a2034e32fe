//! The forges that are known.

use crate::closed_set;

closed_set! {
    /// The forges that are known, by the words of the input `forge`.
    pub enum ForgeKind {
        /// github.com, GitHub Enterprise Cloud and Server.
        GitHub = "github",
        GitLab = "gitlab",
        Gitea = "gitea",
        Forgejo = "forgejo",
        /// Bitbucket Cloud.
        Bitbucket = "bitbucket",
        CodeCommit = "codecommit",
    }
}

impl ForgeKind {
    /// Returns the name by which people call the forge.
    pub const fn title(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Gitea => "Gitea",
            Self::Forgejo => "Forgejo",
            Self::Bitbucket => "Bitbucket",
            Self::CodeCommit => "CodeCommit",
        }
    }

    /// Returns `true` if the forge is reached by the AWS SDK and its credentials, and not by a token.
    pub const fn is_in_aws(self) -> bool {
        match self {
            Self::CodeCommit => true,
            Self::GitHub | Self::GitLab | Self::Gitea | Self::Forgejo | Self::Bitbucket => false,
        }
    }

    /// Returns `true` if commits have statuses. Where they have none, a comment takes their place.
    pub const fn has_commit_statuses(self) -> bool {
        match self {
            Self::GitHub | Self::GitLab | Self::Gitea | Self::Forgejo | Self::Bitbucket => true,
            Self::CodeCommit => false,
        }
    }
}
