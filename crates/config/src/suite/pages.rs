//! The addresses of pages that show an experiment in Harness or LitmusChaos.

use faultgate_net::syntax;

pub(crate) fn without_slash(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// The parts of the address of a Harness experiment's page.
#[derive(Debug, PartialEq)]
pub(crate) struct HarnessPage {
    /// Address of Harness itself, without a path.
    pub(crate) url: String,
    pub(crate) account: String,
    pub(crate) org: String,
    pub(crate) project: String,
    pub(crate) experiment: String,
}

impl HarnessPage {
    /// Parses `https://HOST/ng/#/account/A/chaos/orgs/O/projects/P/experiments/E`, or the newer
    /// `https://HOST/ng/account/A/module/chaos/orgs/O/projects/P/experiments/E/runs`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        syntax::url(text).ok()?;
        let (url, path) = text.split_once("/ng/")?;
        let path = path.split(['?', ' ']).next()?;
        let mut parts = path.split('/').filter(|part| !part.is_empty() && *part != "#");
        let mut after = |word: &str| -> Option<String> {
            parts.find(|part| *part == word)?;
            parts.next().map(str::to_owned)
        };
        Some(Self {
            url: url.to_owned(),
            account: after("account")?,
            org: after("orgs")?,
            project: after("projects")?,
            experiment: after("experiments")?,
        })
    }
}

/// The parts of the address of a ChaosCenter page.
#[derive(Debug, PartialEq)]
pub(crate) struct LitmusPage {
    /// Address of ChaosCenter itself.
    pub(crate) url: String,
    pub(crate) project: Option<String>,
    /// Id of the experiment; `None` on a page of something else.
    pub(crate) experiment: Option<String>,
}

impl LitmusPage {
    /// Parses `https://HOST/account/A/project/P/experiments/E/runs`, or the address of another page of the
    /// project.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        syntax::url(text).ok()?;
        let (url, path) = text.split_once("/account/")?;
        let path = path.split(['?', '#', ' ']).next()?;
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let after = |word: &str| {
            let place = parts.iter().position(|part| *part == word)?;
            parts.get(place + 1).map(|part| (*part).to_owned())
        };
        // The page of an experiment that is still being created has no id yet.
        let experiment = after("experiments").filter(|id| !matches!(id.as_str(), "new" | "clone"));
        Some(Self { url: without_slash(url.trim_end_matches("/#")), project: after("project"), experiment })
    }

    /// The address of ChaosCenter alone.
    pub(crate) fn front(url: &str) -> Self {
        Self { url: without_slash(url), project: None, experiment: None }
    }
}
