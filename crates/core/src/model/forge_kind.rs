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
}
