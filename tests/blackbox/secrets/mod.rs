//! Tests of runs with a marked secret in every place that can hold one. No output, no file, no request but
//! the one it is for, no child and no core holds any of them, whole or in part, in whatever form.

mod echo;
mod ends;
mod engines;
mod logs;
mod marks;
mod mistakes;
mod processes;
mod roles;
mod suite;

use std::path::Path;

use faultgate_config::INPUTS;

use echo::{Echo, Manner};
use faultgate_testkit::binary::{Faultgate, Finished};
use marks::Marks;

/// Variables of the job or the user. A program of the suite sees none of them unless the suite gives it one
/// by a name of its own.
const OF_THE_JOB: &[&str] = &[
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "GITHUB_TOKEN",
    "CI_JOB_TOKEN",
    "CI_REPOSITORY_URL",
    "SHOP_KEY",
    "SHOP_BODY",
    "SHOP_QUERY",
    "SHOP_PASSWORD",
];

/// Files that the tests themselves have put secrets into.
const GIVEN: &[&str] = &[".git/config", "credentials", "token", "event.json", ".faultgate.yml"];

/// Returns every variable that holds a secret of faultgate, as the table of inputs has them.
fn variables() -> Vec<String> {
    let secrets = INPUTS.iter().filter(|input| input.is_secret());
    let variables =
        secrets.flat_map(|input| [vec![input.variable()], input.ci_variables().to_vec()].concat());
    variables.collect()
}

/// The secrets of a run, and a run that holds them.
struct Marked {
    marks: Marks,
    /// Name and value of each variable.
    env: Vec<(String, String)>,
}

impl Marked {
    fn new() -> Self {
        let mut marks = Marks::default();
        let mut env: Vec<(String, String)> = Vec::new();
        for name in variables().into_iter().chain(OF_THE_JOB.iter().map(|name| (*name).to_owned())) {
            // The two forms of a variable of a CI must agree.
            let hyphens =
                env.iter().find(|(known, _)| known.starts_with("INPUT_") && known.replace('-', "_") == name);
            let value = match name.as_str() {
                _ if hyphens.is_some() => hyphens.unwrap().1.clone(),
                // GitLab puts a token into this address.
                "CI_REPOSITORY_URL" => {
                    format!("https://gitlab-ci-token:{}@gitlab.invalid/shop/web.git", marks.plain(&name))
                }
                "SHOP_QUERY" => marks.plain(&name),
                _ => marks.awkward(&name),
            };
            env.push((name, value));
        }
        env.push(("AWS_ACCESS_KEY_ID".to_owned(), "AKIDTEST".to_owned()));
        env.push(("RUST_LOG".to_owned(), "trace".to_owned()));
        Self { marks, env }
    }

    /// Gives a secret another value.
    fn set(&mut self, name: &str, value: &str) {
        self.marks.known(name, value);
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    fn value(&self, name: &str) -> &str {
        &self.env.iter().find(|(known, _)| known == name).unwrap().1
    }

    /// Puts all secrets into the environment of an invocation, and one into the repository.
    fn put(&self, mut faultgate: Faultgate) -> Faultgate {
        for (name, value) in &self.env {
            faultgate = faultgate.env(name, value);
        }
        let remote = self.value("CI_REPOSITORY_URL");
        faultgate
            .folder(".git")
            .file(".git/HEAD", "ref: refs/heads/main\n")
            .file(".git/config", &format!("[remote \"origin\"]\n\turl = {remote}\n"))
    }

    #[track_caller]
    fn assert_hidden(&self, ended: &Finished, context: &str) {
        let home = ended.path("");
        let files = ended.files().into_iter().filter(|path| !is_given(path, &home));
        let files = files.map(|path| {
            (path.display().to_string(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned())
        });
        let outputs =
            [("stdout".to_owned(), ended.stdout.clone()), ("stderr".to_owned(), ended.stderr.clone())];
        for (place, text) in files.chain(outputs) {
            let found = self.marks.found_in(&text);
            assert_eq!(found, [""; 0], "{context}: in {place}:\n{text}");
        }
    }

    #[track_caller]
    fn assert_not_in(&self, text: &str, context: &str) {
        assert_eq!(self.marks.found_in(text), [""; 0], "{context}: {text}");
    }
}

fn is_given(path: &Path, home: &Path) -> bool {
    path.strip_prefix(home).is_ok_and(|name| GIVEN.iter().any(|given| name == Path::new(given)))
}
