//! The forges that are known.

/// The forges that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForgeKind {
    /// github.com, GitHub Enterprise Cloud and Server.
    GitHub,
    GitLab,
    Gitea,
    Forgejo,
    /// Bitbucket Cloud.
    Bitbucket,
    CodeCommit,
}

impl ForgeKind {
    pub const ALL: [Self; 6] =
        [Self::GitHub, Self::GitLab, Self::Gitea, Self::Forgejo, Self::Bitbucket, Self::CodeCommit];

    /// As the input `forge` names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::Bitbucket => "bitbucket",
            Self::CodeCommit => "codecommit",
        }
    }

    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// As people name it.
    pub fn title(self) -> &'static str {
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
