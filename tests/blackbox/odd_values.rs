//! Tests of every variable that is read, with every value that it should not have: a mistake or a run
//! follows, and never anything else. NUL is left out, since the system starts no program with one in a
//! variable.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::Duration;

use faultgate_config::{INPUTS, Input};
use faultgate_rehearsal::{ALARM_NAME, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, at_once, in_time};
use faultgate_testkit::lives::QUICK;

/// A text in every value that has content, so that it can be looked for.
const MARK: &str = "s3cr3tmark";
const CREDENTIALS: &str = "[default]\naws_access_key_id = AKIDTEST\naws_secret_access_key = not-a-secret\n";
/// The time after which an invocation hangs. Most take a moment.
const HANG_TIMEOUT: Duration = Duration::from_secs(50);
/// The exit codes that the contract knows.
const EXIT_CODES: [i32; 5] = [0, 1, 2, 3, 4];

fn odd_values() -> Vec<(&'static str, OsString)> {
    let text = |text: &str| OsString::from(text.replace('X', MARK));
    vec![
        ("empty", text("")),
        ("blank", text(" \t\n")),
        ("a line break first", text("\nX")),
        ("a line break last", text("X\r\n")),
        ("a line break inside", text("X\nX: y")),
        ("another control character", text("X\u{1b}[2J\u{7f}")),
        ("quotes", text("\"X\"")),
        ("a zone", text("eu-west-1a")),
        ("a scheme that is none", text("X://X:X")),
        ("a scheme alone", text("http://")),
        ("letters of others", text("Xé漢")),
        ("long", OsString::from(MARK.repeat(1_000))),
        ("not UTF-8", OsString::from_vec([MARK.as_bytes(), b"\xff\xfe"].concat())),
        ("not replaced", text("${X}")),
    ]
}

/// Returns the names in capitals that stand in quotes in the code of the product. Whatever is read there is
/// among them.
fn names_in_code() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                // The helpers of tests are no product.
                folders.extend((name != "testkit" && !name.contains("tests")).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "rs") && !name.contains("tests") {
                let code = fs::read_to_string(&path).unwrap();
                let of_github = path.ends_with("ci/github.rs");
                for name in quoted_capitals(code.split("#[cfg(test)]").next().unwrap()) {
                    names.extend(of_github.then(|| format!("GITHUB_{name}")));
                    names.insert(name);
                }
            }
        }
    }
    names
}

fn quoted_capitals(code: &str) -> impl Iterator<Item = String> {
    let is_name = |text: &&str| {
        text.len() > 1
            && text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    code.split('"').filter(is_name).map(str::to_owned)
}

/// Returns the names of variables that libraries read. One of them alone may make the SDK panic.
fn foreign(names: &BTreeSet<String>) -> Vec<String> {
    let begins = [
        "AWS_",
        "SSL_",
        "HTTP",
        "ALL_PROXY",
        "NO_PROXY",
        "SMITHY_",
        "_X_",
        "SECRET_ACCESS",
        "HOME",
        "ACTIONS_ID",
    ];
    let mut foreign: Vec<String> =
        names.iter().filter(|name| begins.iter().any(|begin| name.starts_with(begin))).cloned().collect();
    let proxies = foreign.iter().filter(|name| name.ends_with("_PROXY")).map(|name| name.to_lowercase());
    foreign.extend(proxies.collect::<Vec<_>>());
    // Libraries alone read the following, or nobody does yet.
    foreign.extend(
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "AWS_NOT_YET_KNOWN", "RUST_LOG", "NO_COLOR", "TERM", "LANG", "TZ"]
            .map(str::to_owned),
    );
    foreign
}

fn is_secret(name: &str) -> bool {
    let of_input = |name: &str| {
        INPUTS.iter().filter(|input| input.is_secret()).any(|input| {
            input.variable() == name || input.ci_variables().iter().any(|variable| variable == name)
        })
    };
    let of_others = ["SECRET", "ACCESS_KEY", "TOKEN", "PROXY"];
    // NO_PROXY is no secret: a warning names its entry.
    of_input(name)
        || (!name.ends_with("_FILE")
            && !name.eq_ignore_ascii_case("NO_PROXY")
            && of_others.iter().any(|part| name.to_uppercase().contains(part)))
}

/// The commands with all that they need. A command that asks for an alarm alone is the quickest way through
/// the SDK.
struct Table<'a> {
    account: &'a EmbeddedAccount,
    /// The state file of a run that has ended.
    state: &'a str,
}

impl Table<'_> {
    /// Returns a command that is pointed at the account twice over, with two sources of credentials: if one
    /// is blank, the other holds. Without any, a monitor would go on asking until its timeout.
    fn command(&self, name: &str) -> Faultgate {
        let services =
            ["FIS", "EVENTBRIDGE", "SQS", "CLOUDWATCH", "STS"].map(|name| format!("AWS_ENDPOINT_URL_{name}"));
        let faultgate = self.of(name).named_file("AWS_SHARED_CREDENTIALS_FILE", "credentials", CREDENTIALS);
        services.iter().fold(faultgate, |faultgate, name| faultgate.env(name, self.account.url()))
    }

    fn of(&self, name: &str) -> Faultgate {
        let suite = format!(
            "version: 1\nexperiments:\n  - name: one\n    command: {{ run: [\"true\"] }}\n    probes:\n      \
             - {{ name: alarm, cloudwatch-alarm: {{ name: {ALARM_NAME} }}, when: [after] }}\n"
        );
        match name {
            "run" | "check" => self.account.faultgate(&[name]).file(".faultgate.yml", &suite),
            "launch" => {
                self.account.faultgate(&["launch"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID)
            }
            "sweep" => self.account.faultgate(&["sweep", "--stop-experiments"]),
            "lint" => self.account.faultgate(&["lint", TEMPLATE_ID]),
            _ => {
                let faultgate = self.account.faultgate(&[name]).folder(Faultgate::REPORTS);
                faultgate.file("reports/state.json", self.state)
            }
        }
    }

    async fn hold(&self, command: &str, variables: &[(&str, &OsString)], what: &str) {
        let mut faultgate = self.command(command);
        for (name, value) in variables {
            faultgate = faultgate.env(name, value);
        }
        let names: Vec<&str> = variables.iter().map(|(name, _)| *name).collect();
        let ended =
            in_time(HANG_TIMEOUT, &format!("{command} with {names:?}: {what}"), faultgate.finish()).await;
        let context = format!("{command} with {names:?}: {what}\n{}\n{}", ended.stdout, ended.stderr);
        assert!(ended.code.is_some_and(|code| EXIT_CODES.contains(&code)), "{:?}: {context}", ended.code);
        assert!(!ended.stderr.contains("panicked"), "{context}");
        if names.iter().all(|name| is_secret(name)) {
            for text in [&ended.stdout, &ended.stderr] {
                assert!(!text.contains(MARK), "a secret is shown: {context}");
            }
        }
    }
}

/// Makes a launch whose experiment is over, and returns its state file.
async fn state_of_a_launch(account: &EmbeddedAccount) -> String {
    let launch = account.faultgate(&["launch"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID);
    let ended = launch.finish().await;
    ended.assert_code(0, "a launch");
    ended.read("reports/state.json")
}

const OTHERS: [&str; 8] = ["check", "sweep", "stop", "report", "launch", "monitor", "score", "lint"];

#[test]
fn the_table_knows_what_is_read() {
    let names = names_in_code();
    for name in [
        "AWS_ENDPOINT_URL_CLOUDWATCH",
        "GITHUB_EVENT_PATH",
        "CI_JOB_ID",
        "SSL_CERT_DIR",
        "CODEBUILD_BUILD_ID",
    ] {
        assert!(names.contains(name), "{name}");
    }
    assert!(foreign(&names).iter().any(|name| name == "no_proxy"));
}

#[tokio::test]
async fn a_variable_of_a_library_is_refused_or_harmless_whatever_it_holds() {
    let account = EmbeddedAccount::living(QUICK).await;
    let state = state_of_a_launch(&account).await;
    let table = Table { account: &account, state: &state };
    let values = odd_values();
    let names = foreign(&names_in_code());
    let cases = names.iter().enumerate().flat_map(|(row, name)| {
        values.iter().enumerate().filter_map(move |(column, (what, value))| {
            // The cases are a sample: one value of four, shifted by one from variable to variable. Half of it
            // goes to the command that goes furthest, and the others take turns.
            let turn = row + column;
            let command = if turn.is_multiple_of(8) { "run" } else { OTHERS[turn / 8 % OTHERS.len()] };
            turn.is_multiple_of(4).then_some((command, name, *what, value))
        })
    });
    at_once(cases.collect::<Vec<_>>(), |(command, name, what, value)| {
        let table = &table;
        async move {
            table.hold(command, &[(name.as_str(), value)], what).await;
        }
    })
    .await;
    // The sweep ends what odd launches began.
    account.faultgate(&["sweep"]).finish().await.assert_code(0, "afterwards");
}

#[tokio::test]
async fn inputs_and_what_cis_say_may_be_odd_all_at_once() {
    let account = EmbeddedAccount::living(QUICK).await;
    let state = state_of_a_launch(&account).await;
    let table = Table { account: &account, state: &state };
    let names = names_in_code();
    let foreign: BTreeSet<String> = foreign(&names).into_iter().collect();
    let of_cis: Vec<&String> = names
        .iter()
        .filter(|name| !foreign.contains(*name) && !name.starts_with("FAULTGATE_") && *name != "PATH")
        .collect();
    let own: Vec<String> = INPUTS.iter().map(Input::variable).collect();
    let [hyphens, underscores] =
        [0, 1].map(|form| INPUTS.iter().map(|input| input.ci_variables()[form].clone()).collect::<Vec<_>>());
    let mut cases = Vec::new();
    for (number, (what, value)) in odd_values().into_iter().enumerate() {
        for (group, all) in
            [own.iter().collect(), hyphens.iter().collect(), underscores.iter().collect(), of_cis.clone()]
                .into_iter()
                .enumerate()
        {
            let all: Vec<&String> = all;
            let command = if (number + group).is_multiple_of(2) {
                "run"
            } else {
                OTHERS[((number + group) >> 1) % OTHERS.len()]
            };
            // The system has a limit for all variables together.
            cases.extend(all.chunks(100).map(|some| (command, some.to_vec(), what, value.clone())));
        }
        // Every input alone has one of the values too, since a mistake in another may hide what it does.
        for (place, input) in own.iter().enumerate().filter(|(place, _)| place % 14 == number) {
            cases.push((
                if place.is_multiple_of(2) { "run" } else { "check" },
                vec![input],
                what,
                value.clone(),
            ));
        }
    }
    at_once(cases, |(command, names, what, value)| {
        let table = &table;
        async move {
            let variables: Vec<(&str, &OsString)> =
                names.iter().map(|name| (name.as_str(), &value)).collect();
            table.hold(command, &variables, what).await;
        }
    })
    .await;
}
