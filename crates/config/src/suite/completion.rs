//! The experiments of Harness and LitmusChaos, completed.
//!
//! The address of an experiment's page goes before everything else. After it come the block in the suite
//! file, the inputs and, for an account of Harness, the API key, which names one. A page that contradicts
//! what was set otherwise is a mistake: a guess could run another experiment than the one that is meant.

use std::collections::BTreeSet;

use faultgate_core::mistake::{FilePlace, Mistake, Problem, quote};
use faultgate_core::model::{
    EngineKind, EngineSpec, HarnessProject, HarnessSpec, LitmusProject, LitmusSpec, RuntimeInputs,
};
use faultgate_core::secret::Secret;

use crate::inputs::input::Setting;
use crate::inputs::table;
use crate::layers::file::{Document, below};
use crate::layers::tokens::Tokens;
use crate::layers::values::Values;
use crate::suite::blocks::harness::HarnessBlock;
use crate::suite::blocks::litmus::LitmusBlock;
use crate::suite::keys::is_blank;
use crate::suite::pages::{HarnessPage, LitmusPage, without_slash};

/// A part of an experiment's description: the key of its block, and the input that stands in for it.
struct Part {
    key: &'static str,
    input: Setting<String>,
}

const HARNESS_EXPERIMENT: Part = Part { key: "experiment", input: table::HARNESS_EXPERIMENT };
const HARNESS_ACCOUNT: Part = Part { key: "account", input: table::HARNESS_ACCOUNT };
const HARNESS_ORG: Part = Part { key: "org", input: table::HARNESS_ORG.setting };
const HARNESS_PROJECT: Part = Part { key: "project", input: table::HARNESS_PROJECT };
const HARNESS_URL: Part = Part { key: "url", input: table::HARNESS_URL.setting };
const LITMUS_EXPERIMENT: Part = Part { key: "experiment", input: table::LITMUS_EXPERIMENT };
const LITMUS_PROJECT: Part = Part { key: "project", input: table::LITMUS_PROJECT };
const LITMUS_URL: Part = Part { key: "url", input: table::LITMUS_URL };
const LITMUS_ORIGIN: Part = Part { key: "origin", input: table::LITMUS_ORIGIN };

/// Completes blocks by the inputs. A value that is missing is told as a key of the block or, where there is
/// no block, as an input.
pub(crate) struct Completion<'a> {
    pub(crate) values: &'a Values,
    pub(crate) tokens: &'a Tokens,
    /// The origin that mistakes show.
    pub(crate) origin: &'a str,
    /// The suite file and the path of the block in it, such as `experiments[0].harness`; `None` where inputs
    /// alone name the experiment.
    pub(crate) block: Option<(&'a Document, &'a str)>,
}

impl Completion<'_> {
    /// The specification of a Harness experiment; `None` if something is missing or wrong, which has been
    /// told.
    pub(crate) fn harness(&self, block: &HarnessBlock, mistakes: &mut Vec<Mistake>) -> Option<EngineSpec> {
        let experiment = self.read_part(&HARNESS_EXPERIMENT, block.experiment.as_ref());
        let page = experiment.as_deref().and_then(HarnessPage::parse);
        if let (None, Some(text)) = (&page, experiment.as_deref().filter(|text| text.contains("://"))) {
            let what = format!("{} is not the page of a Harness experiment", quote(text));
            mistakes.push(self.mistake(&HARNESS_EXPERIMENT, &what).hint(
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
            .or_else(|| self.read_part(&HARNESS_ACCOUNT, block.account.as_ref()))
            .or_else(|| self.tokens.harness.as_ref().and_then(account_of));
        let project = page
            .as_ref()
            .map(|page| page.project.clone())
            .or_else(|| self.read_part(&HARNESS_PROJECT, block.project.as_ref()));
        let org = page
            .as_ref()
            .map(|page| page.org.clone())
            .or_else(|| self.read_part(&HARNESS_ORG, block.org.as_ref()));
        // The address has a default, so it is only missing if it is a mistake that has been told.
        let url = page
            .as_ref()
            .map(|page| page.url.clone())
            .or_else(|| self.read_part(&HARNESS_URL, block.url.as_ref()))?;
        if url.contains("/ng/") {
            let hint = "write what stands before /ng, or give the page as the experiment";
            mistakes.push(self.mistake(&HARNESS_URL, "is the address of a page").hint(hint));
        }
        let parts = [
            (experiment.is_some(), HARNESS_EXPERIMENT),
            (account.is_some(), HARNESS_ACCOUNT),
            (project.is_some(), HARNESS_PROJECT),
        ];
        self.tell_missing(&parts, mistakes);
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
    pub(crate) fn litmus(&self, block: &LitmusBlock, mistakes: &mut Vec<Mistake>) -> Option<EngineSpec> {
        let experiment = self.read_part(&LITMUS_EXPERIMENT, block.experiment.as_ref());
        let page = experiment.as_deref().and_then(LitmusPage::parse);
        let of_experiment = page.as_ref().and_then(|page| page.experiment.clone());
        if let (None, Some(text)) =
            (&of_experiment, experiment.as_deref().filter(|text| text.contains("://")))
        {
            let what = format!("{} is not the page of a LitmusChaos experiment", quote(text));
            mistakes.push(
                self.mistake(&LITMUS_EXPERIMENT, &what).hint(
                    "copy the address from the browser: it has /account/…, /project/… and /experiments/…",
                ),
            );
            return None;
        }
        // The address may be that of a page of the same ChaosCenter.
        let address = self.read_part(&LITMUS_URL, block.url.as_ref());
        let front =
            address.as_deref().map(|url| LitmusPage::parse(url).unwrap_or_else(|| LitmusPage::front(url)));
        let project = self.read_part(&LITMUS_PROJECT, block.project.as_ref());
        if let Some(page) = &page {
            let others = [
                (LITMUS_PROJECT, project.as_ref(), page.project.as_ref()),
                (LITMUS_URL, front.as_ref().map(|front| &front.url), Some(&page.url)),
            ];
            for (part, said, named) in others {
                if let (Some(_), Some(named)) = (said.filter(|said| Some(*said) != named), named) {
                    let what = format!("is not that of the experiment's page, {}", quote(named));
                    let mistake = self.mistake(&part, &what);
                    mistakes.push(mistake.hint("remove it: the page's address names it"));
                }
            }
        }
        let named = |part: fn(&LitmusPage) -> Option<String>| page.as_ref().and_then(part);
        let url =
            named(|page| Some(page.url.clone())).or_else(|| front.as_ref().map(|front| front.url.clone()));
        let project = named(|page| page.project.clone()).or(project).or_else(|| front?.project);
        let parts = [
            (experiment.is_some(), LITMUS_EXPERIMENT),
            (project.is_some(), LITMUS_PROJECT),
            (url.is_some(), LITMUS_URL),
        ];
        self.tell_missing(&parts, mistakes);
        Some(EngineSpec::Litmus(LitmusSpec {
            project: LitmusProject {
                url: url?,
                project: project?,
                origin: self
                    .read_part(&LITMUS_ORIGIN, block.origin.as_ref())
                    .map(|origin| without_slash(&origin)),
            },
            experiment: of_experiment.or(experiment)?,
        }))
    }

    /// Tells of keys and inputs that name another thing than the page does: one of them is not what the user
    /// means.
    fn contradictions(&self, block: &HarnessBlock, page: &HarnessPage, mistakes: &mut Vec<Mistake>) {
        let keys = [
            (HARNESS_ACCOUNT, &block.account, &page.account),
            (HARNESS_ORG, &block.org, &page.org),
            (HARNESS_PROJECT, &block.project, &page.project),
        ];
        for (part, own, named) in keys {
            // A default contradicts nothing, so only what was set counts.
            let set = self.values.set(part.input).and_then(|_| self.values.get(&part.input));
            if own.as_ref().or(set.as_ref()).is_some_and(|said| said != named) {
                let what = format!("is not that of the experiment's page, {}", quote(named));
                mistakes.push(self.mistake(&part, &what).hint("remove it: the page's address names it"));
            }
        }
    }

    /// Parses the lines of `NAME=value` or `TASK.NAME=value` in the input.
    fn runtime_inputs(&self, mistakes: &mut Vec<Mistake>) -> RuntimeInputs {
        let mut inputs = RuntimeInputs::default();
        let text = self.values.get(table::HARNESS_RUNTIME_INPUTS).unwrap_or_default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let named = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            let Some((name, value)) = named.filter(|(name, _)| !name.is_empty()) else {
                // The line may be a secret that was pasted here by accident.
                let mut problem = Problem::new("has a line without NAME=value");
                problem.hide = true;
                let hint = "write one input on each line: NAME=value, or TASK.NAME=value";
                mistakes.push(self.values.mistake(table::HARNESS_RUNTIME_INPUTS, problem.hint(hint)));
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

    /// The value of a part: that of the block, or else that of the input.
    fn read_part(&self, part: &Part, own: Option<&String>) -> Option<String> {
        own.cloned().or_else(|| self.values.get(&part.input))
    }

    fn mistake(&self, part: &Part, what: &str) -> Mistake {
        let name = match self.block {
            Some((_, path)) => below(path, part.key),
            None => part.input.name().to_owned(),
        };
        Mistake::new(self.origin, format!("{name}: {what}")).at(self.place(&name))
    }

    /// Tells which parts are missing. The first is the experiment, whose page may name the others.
    fn tell_missing(&self, parts: &[(bool, Part); 3], mistakes: &mut Vec<Mistake>) {
        let [(is_known, experiment), ..] = parts;
        if !is_known && self.is_set(experiment) {
            return;
        }
        for (_, part) in parts.iter().filter(|(is_known, part)| !is_known && !self.is_set(part)) {
            mistakes.push(self.missing(part));
        }
    }

    /// `true` if a part is set, be it to something wrong, which has been told.
    fn is_set(&self, part: &Part) -> bool {
        let own = self.block.and_then(|(document, path)| document.find(&below(path, part.key)));
        !is_blank(own) || self.values.set(part.input).is_some()
    }

    fn missing(&self, part: &Part) -> Mistake {
        let (key, input) = (part.key, part.input.input());
        let (variable, example) = (input.variable(), input.example.unwrap_or("…"));
        match self.block {
            Some((_, path)) => Mistake::new(self.origin, format!("{path}.{key}: is missing"))
                .hint(format!("write {key}: {example} there, or set {variable}"))
                .at(self.place(&below(path, key))),
            None => Mistake::new(self.origin, format!("{}: is missing", input.name))
                .hint(format!("set --{} {example} or {variable}={example}", input.name)),
        }
    }

    fn place(&self, path: &str) -> Option<FilePlace> {
        self.block.and_then(|(document, _)| document.value_at(path))
    }
}

/// The origin of secrets that mistakes show.
const SECRETS_PLACE: &str = "the environment";

/// Tells of secrets that are missing although the chosen engines need them.
pub(crate) fn needed_secrets(
    engines: &BTreeSet<EngineKind>,
    values: &Values,
    tokens: &Tokens,
    mistakes: &mut Vec<Mistake>,
) {
    for engine in engines {
        match engine {
            EngineKind::Harness if tokens.harness.is_none() => mistakes.push(
                Mistake::new(SECRETS_PLACE, "harness-api-key: is missing")
                    .hint("set the variable FAULTGATE_HARNESS_API_KEY to a key of a service account or person (sat.… or pat.…)"),
            ),
            EngineKind::Litmus if tokens.litmus.is_none() => needed_login(values, tokens, mistakes),
            EngineKind::Fis | EngineKind::Harness | EngineKind::Litmus | EngineKind::Command => {}
        }
    }
}

/// Tells what of a name and a password for LitmusChaos is missing. They stand in for a token.
fn needed_login(values: &Values, tokens: &Tokens, mistakes: &mut Vec<Mistake>) {
    match (values.set(table::LITMUS_USERNAME), &tokens.litmus_password) {
        (Some(_), Some(_)) => {}
        (None, None) => mistakes.push(Mistake::new(SECRETS_PLACE, "litmus-token: is missing").hint(
            "set the variable FAULTGATE_LITMUS_TOKEN, or litmus-username and FAULTGATE_LITMUS_PASSWORD",
        )),
        (Some(_), None) => mistakes.push(
            Mistake::new(SECRETS_PLACE, "litmus-password: is missing beside litmus-username")
                .hint("set the variable FAULTGATE_LITMUS_PASSWORD"),
        ),
        (None, Some(_)) => mistakes.push(
            Mistake::new(SECRETS_PLACE, "litmus-username: is missing beside litmus-password")
                .hint("set --litmus-username or FAULTGATE_LITMUS_USERNAME"),
        ),
    }
}

/// Warns of keys and tokens that are sent unencrypted, so that anybody on the way can read them.
pub(crate) fn unencrypted<'a>(specs: impl Iterator<Item = &'a EngineSpec>, warnings: &mut Vec<String>) {
    for spec in specs {
        let (secret, url) = match spec {
            EngineSpec::Harness(spec) => (table::HARNESS_API_KEY.input().name, &spec.project.url),
            EngineSpec::Litmus(spec) => (table::LITMUS_TOKEN.input().name, &spec.project.url),
            EngineSpec::Fis { .. } | EngineSpec::Command(_) => continue,
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

#[cfg(test)]
#[path = "completion_tests.rs"]
mod tests;
