//! The experiments of Harness and LitmusChaos, completed.
//!
//! The address of an experiment's page goes before everything else. After it come the block in the suite
//! file, the inputs and, for an account of Harness, the API key, which names one. A page that contradicts
//! what was set otherwise is a mistake: a guess could run another experiment than the one that is meant.

use super::file::{Document, below};
use super::inputs::{Input, find};
use super::values::Values;
use crate::tokens::Tokens;
use faultgate_core::mistake::FilePlace;
use faultgate_core::mistake::Mistake;
use faultgate_core::mistake::{Problem, quoted};
use faultgate_core::model::{
    EngineSpec, HarnessProject, HarnessSpec, LitmusProject, LitmusSpec, RuntimeInputs,
};
use faultgate_core::secret::Secret;
use faultgate_net::syntax;

/// The block of a Harness experiment in the suite file. The inputs complete it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct HarnessBlock {
    /// Id or identity of the experiment, or the address of its page.
    pub(super) experiment: Option<String>,
    pub(super) account: Option<String>,
    pub(super) org: Option<String>,
    pub(super) project: Option<String>,
    pub(super) url: Option<String>,
    pub(super) runtime_inputs: Option<RuntimeInputs>,
}

/// The block of a LitmusChaos experiment in the suite file. The inputs complete it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct LitmusBlock {
    /// Id of the experiment, or the address of its page.
    pub(super) experiment: Option<String>,
    pub(super) project: Option<String>,
    pub(super) url: Option<String>,
    /// The value of the header `Origin`, where it is not the origin of `url`.
    pub(super) origin: Option<String>,
}

/// Completes blocks by the inputs. A value that is missing is told as a key of the block or, where there is
/// no block, as an input.
pub(super) struct Completion<'a> {
    pub(super) values: &'a Values,
    pub(super) tokens: &'a Tokens,
    /// The origin that mistakes show.
    pub(super) origin: &'a str,
    /// The suite file and the path of the block in it, such as `experiments[0].harness`; `None` where inputs
    /// alone name the experiment.
    pub(super) block: Option<(&'a Document, &'a str)>,
}

impl Completion<'_> {
    /// The specification of a Harness experiment; `None` if something is missing or wrong, which has been
    /// told.
    pub(super) fn harness(&self, block: &HarnessBlock, mistakes: &mut Vec<Mistake>) -> Option<EngineSpec> {
        let said = |key: &Option<String>, input: &str| key.clone().or_else(|| self.values.text(input));
        let experiment = said(&block.experiment, "harness-experiment-id");
        let page = experiment.as_deref().and_then(Page::of);
        if let (None, Some(text)) = (&page, experiment.as_deref().filter(|text| text.contains("://"))) {
            let what = format!("{} is not the page of a Harness experiment", quoted(text));
            mistakes.push(self.mistake("experiment", &what).hint(
                "copy the address from the browser: it has /account/…, /orgs/…, /projects/… and /experiments/…",
            ));
            return None;
        }
        if let Some(page) = &page {
            self.contradictions(block, page, mistakes);
        }
        // The page goes before everything else: it names one experiment without a doubt.
        let account = page
            .as_ref()
            .map(|page| page.account.clone())
            .or_else(|| said(&block.account, "harness-account-id"))
            .or_else(|| self.tokens.harness.as_ref().and_then(account_of));
        let project = page
            .as_ref()
            .map(|page| page.project.clone())
            .or_else(|| said(&block.project, "harness-project-id"));
        let org = page.as_ref().map(|page| page.org.clone()).or_else(|| said(&block.org, "harness-org-id"));
        // The address has a default, so it is only missing if it is a mistake that has been told.
        let url = page.as_ref().map(|page| page.url.clone()).or_else(|| said(&block.url, "harness-url"))?;
        if url.contains("/ng/") {
            let hint = "write what stands before /ng, or give the page as the experiment";
            mistakes.push(self.mistake("url", "is the address of a page").hint(hint));
        }
        for (known, key) in [
            (experiment.is_some(), "experiment"),
            (account.is_some(), "account"),
            (project.is_some(), "project"),
        ] {
            if !known {
                mistakes.push(self.missing("harness", key));
            }
        }
        let runtime_inputs = match &block.runtime_inputs {
            Some(inputs) => inputs.clone(),
            None => self.runtime_inputs(mistakes),
        };
        Some(EngineSpec::Harness(HarnessSpec {
            project: HarnessProject {
                url: without_slash(&url),
                account: account?,
                org: org?,
                project: project?,
            },
            experiment: page.map_or_else(|| experiment, |page| Some(page.experiment))?,
            runtime_inputs,
        }))
    }

    /// The specification of a LitmusChaos experiment; `None` if something is missing or wrong, which has been
    /// told.
    pub(super) fn litmus(&self, block: &LitmusBlock, mistakes: &mut Vec<Mistake>) -> Option<EngineSpec> {
        let said = |key: &Option<String>, input: &str| key.clone().or_else(|| self.values.text(input));
        let experiment = said(&block.experiment, "litmus-experiment-id");
        let page = experiment.as_deref().and_then(CenterPage::of);
        let of_experiment = page.as_ref().and_then(|page| page.experiment.clone());
        if let (None, Some(text)) =
            (&of_experiment, experiment.as_deref().filter(|text| text.contains("://")))
        {
            let what = format!("{} is not the page of a LitmusChaos experiment", quoted(text));
            mistakes.push(
                self.mistake_of("litmus", "experiment", &what).hint(
                    "copy the address from the browser: it has /account/…, /project/… and /experiments/…",
                ),
            );
            return None;
        }
        // The address may be that of a page of the same ChaosCenter.
        let address = said(&block.url, "litmus-url");
        let front =
            address.as_deref().map(|url| CenterPage::of(url).unwrap_or_else(|| CenterPage::front(url)));
        let project = said(&block.project, "litmus-project-id");
        if let Some(page) = &page {
            let others = [
                ("project", project.as_ref(), page.project.as_ref()),
                ("url", front.as_ref().map(|front| &front.url), Some(&page.url)),
            ];
            for (key, said, named) in others {
                if let (Some(_), Some(named)) = (said.filter(|said| Some(*said) != named), named) {
                    let what = format!("is not that of the experiment's page, {}", quoted(named));
                    let mistake = self.mistake_of("litmus", key, &what);
                    mistakes.push(mistake.hint("remove it: the page's address names it"));
                }
            }
        }
        let named = |part: fn(&CenterPage) -> Option<String>| page.as_ref().and_then(part);
        let url =
            named(|page| Some(page.url.clone())).or_else(|| front.as_ref().map(|front| front.url.clone()));
        let project = named(|page| page.project.clone()).or(project).or_else(|| front?.project);
        for (known, key) in
            [(experiment.is_some(), "experiment"), (project.is_some(), "project"), (url.is_some(), "url")]
        {
            if !known {
                mistakes.push(self.missing("litmus", key));
            }
        }
        Some(EngineSpec::Litmus(LitmusSpec {
            project: LitmusProject {
                url: url?,
                project: project?,
                origin: said(&block.origin, "litmus-origin").map(|origin| without_slash(&origin)),
            },
            experiment: of_experiment.or(experiment)?,
        }))
    }

    /// Tells of keys and inputs that name another thing than the page does: one of them is not what the user
    /// means.
    fn contradictions(&self, block: &HarnessBlock, page: &Page, mistakes: &mut Vec<Mistake>) {
        let keys = [
            ("account", &block.account, "harness-account-id", &page.account),
            ("org", &block.org, "harness-org-id", &page.org),
            ("project", &block.project, "harness-project-id", &page.project),
        ];
        for (key, own, input, named) in keys {
            // A default contradicts nothing, so only what was set counts.
            let set = self.values.set(input).and_then(|_| self.values.text(input));
            if own.as_ref().or(set.as_ref()).is_some_and(|said| said != named) {
                let what = format!("is not that of the experiment's page, {}", quoted(named));
                mistakes.push(self.mistake(key, &what).hint("remove it: the page's address names it"));
            }
        }
    }

    /// Parses the lines of `NAME=value` or `TASK.NAME=value` in the input.
    fn runtime_inputs(&self, mistakes: &mut Vec<Mistake>) -> RuntimeInputs {
        let mut inputs = RuntimeInputs::default();
        let text = self.values.text(RUNTIME_INPUTS).unwrap_or_default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let named = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            let Some((name, value)) = named.filter(|(name, _)| !name.is_empty()) else {
                // The line may be a secret that was pasted here by accident.
                let mut problem = Problem::new("has a line without NAME=value");
                problem.hide = true;
                let hint = "write one input on each line: NAME=value, or TASK.NAME=value";
                mistakes.push(self.values.mistake(RUNTIME_INPUTS, problem.hint(hint)));
                continue;
            };
            let target = match name.split_once('.') {
                Some((task, name)) => (inputs.tasks.entry(task.to_owned()).or_default(), name),
                None => (&mut inputs.experiment, name),
            };
            target.0.insert(target.1.to_owned(), value.to_owned());
        }
        inputs
    }

    fn mistake(&self, key: &str, what: &str) -> Mistake {
        self.mistake_of("harness", key, what)
    }

    fn mistake_of(&self, engine: &str, key: &str, what: &str) -> Mistake {
        let name = match self.block {
            Some((_, path)) => below(path, key),
            None => format!("{engine}-{key}{}", if key == "url" { "" } else { "-id" }),
        };
        Mistake::new(self.origin, format!("{name}: {what}")).at(self.place(&name))
    }

    fn place(&self, path: &str) -> Option<FilePlace> {
        self.block.and_then(|(document, _)| document.value_at(path))
    }

    fn missing(&self, engine: &str, key: &str) -> Mistake {
        let input = format!("{engine}-{key}{}", if key == "url" { "" } else { "-id" });
        let variable = find(&input).map(Input::variable).unwrap_or_default();
        match self.block {
            Some((_, path)) => Mistake::new(self.origin, format!("{path}.{key}: is missing"))
                .hint(format!("write {key}: … there, or set {variable}"))
                .at(self.place(&below(path, key))),
            None => Mistake::new(self.origin, format!("{input}: is missing"))
                .hint(format!("set --{input} or {variable}")),
        }
    }
}

const RUNTIME_INPUTS: &str = "harness-runtime-inputs";

/// Tells of secrets that are missing although the chosen engines need them.
pub(super) fn needed_secrets<'a>(
    specs: impl Iterator<Item = &'a EngineSpec>,
    values: &Values,
    tokens: &Tokens,
    mistakes: &mut Vec<Mistake>,
) {
    const PLACE: &str = "the environment";
    let (mut harness, mut litmus) = (false, false);
    for spec in specs {
        harness |= matches!(spec, EngineSpec::Harness(_));
        litmus |= matches!(spec, EngineSpec::Litmus(_));
    }
    if harness && tokens.harness.is_none() {
        mistakes.push(
            Mistake::new(PLACE, "harness-api-key: is missing")
                .hint("set the variable FAULTGATE_HARNESS_API_KEY to a key of a service account or person (sat.… or pat.…)"),
        );
    }
    if !litmus || tokens.litmus.is_some() {
        return;
    }
    match (values.text("litmus-username"), &tokens.litmus_password) {
        (Some(_), Some(_)) => {}
        (None, None) => mistakes.push(Mistake::new(PLACE, "litmus-token: is missing").hint(
            "set the variable FAULTGATE_LITMUS_TOKEN, or litmus-username and FAULTGATE_LITMUS_PASSWORD",
        )),
        (Some(_), None) => mistakes.push(
            Mistake::new(PLACE, "litmus-password: is missing beside litmus-username")
                .hint("set the variable FAULTGATE_LITMUS_PASSWORD"),
        ),
        (None, Some(_)) => mistakes.push(
            Mistake::new(PLACE, "litmus-username: is missing beside litmus-password")
                .hint("set --litmus-username or FAULTGATE_LITMUS_USERNAME"),
        ),
    }
}

/// Warns of keys and tokens that are sent unencrypted, so that anybody on the way can read them.
pub(super) fn unencrypted<'a>(specs: impl Iterator<Item = &'a EngineSpec>, warnings: &mut Vec<String>) {
    for spec in specs {
        let (secret, url) = match spec {
            EngineSpec::Harness(spec) => ("harness-api-key", &spec.project.url),
            EngineSpec::Litmus(spec) => ("litmus-token", &spec.project.url),
            _ => continue,
        };
        let local = ["localhost", "127.0.0.1", "[::1]"];
        let uri = url.parse::<http::Uri>().ok();
        let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
        let warning = format!("{secret} goes to {host} unencrypted: use https");
        if url.starts_with("http://") && !local.contains(&host) && !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}

/// The account that an API key of Harness names: `pat.ACCOUNT.….…` or `sat.ACCOUNT.….…`.
fn account_of(key: &Secret) -> Option<String> {
    let mut parts = key.expose().split('.');
    let known = matches!(parts.next(), Some("pat" | "sat"));
    let account = parts.next().filter(|account| known && !account.is_empty())?;
    (parts.count() >= 1).then(|| account.to_owned())
}

fn without_slash(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// The parts of the address of a Harness experiment's page.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    /// Address of Harness itself, without a path.
    pub(super) url: String,
    account: String,
    org: String,
    project: String,
    experiment: String,
}

impl Page {
    /// Parses `https://HOST/ng/#/account/A/chaos/orgs/O/projects/P/experiments/E`, or the newer
    /// `https://HOST/ng/account/A/module/chaos/orgs/O/projects/P/experiments/E/runs`.
    pub(super) fn of(text: &str) -> Option<Self> {
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
pub(super) struct CenterPage {
    /// Address of ChaosCenter itself.
    pub(super) url: String,
    project: Option<String>,
    /// Id of the experiment; `None` on a page of something else.
    experiment: Option<String>,
}

impl CenterPage {
    /// Parses `https://HOST/account/A/project/P/experiments/E/runs`, or the address of another page of the
    /// project.
    pub(super) fn of(text: &str) -> Option<Self> {
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
    fn front(url: &str) -> Self {
        Self { url: without_slash(url), project: None, experiment: None }
    }
}

#[cfg(test)]
#[path = "centers_tests.rs"]
mod tests;
