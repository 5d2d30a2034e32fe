//! Tests of the other commands, and of an invocation without a command.

use faultgate_config::INPUTS;
use faultgate_rehearsal::TEMPLATE_ID;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Faultgate, at_once};
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::{ENDLESS, QUICK};

#[tokio::test]
async fn check_looks_and_changes_nothing() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account.faultgate(&["check", "--experiment-template-id", TEMPLATE_ID]).finish().await;
    ended.assert_code(0, "all is well");
    assert!(ended.stdout.ends_with("ready\n"), "{}", ended.stdout);
    for subject in [TEMPLATE_ID, "safety lever", "rehearsal-steady"] {
        assert!(ended.stdout.contains(subject), "{}", ended.stdout);
    }
    for request in account.world.requests() {
        let operation = &request.operation;
        let looks = ["Get", "List", "Describe"].iter().any(|verb| operation.starts_with(verb));
        assert!(looks, "{operation} does not only look");
    }
    assert!(ended.files().is_empty(), "{:?}", ended.files());
}

#[tokio::test]
async fn check_says_what_is_not_ready() {
    let account = EmbeddedAccount::living(QUICK).await;
    let ended = account.faultgate(&["check", "--experiment-template-id", "EXTnowhere"]).finish().await;
    ended.assert_code(3, "no such template");
    assert!(ended.stdout.contains("not ready"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("EXTnowhere") && ended.stdout.contains("list-experiment-templates"),
        "{}",
        ended.stdout
    );

    // A run with these findings launches nothing.
    let ended = account.faultgate(&["run", "--experiment-template-id", "EXTnowhere"]).finish().await;
    ended.assert_code(3, "no such template");
    assert_result(&ended.result(), 3);
    assert!(account.requests_of("CreateQueue").is_empty());

    account.faultgate(&["check"]).finish().await.assert_code(2, "nothing to check");
}

#[tokio::test]
async fn check_lets_the_probes_look_that_look_before_a_launch() {
    let account = EmbeddedAccount::living(QUICK).await;
    let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = open.local_addr().unwrap();
    let suite = |before: &str| {
        format!(
            "version: 1\nexperiments:\n  - name: az-latency\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n\
             \x20     - {{ name: port open, tcp: {{ address: '{before}' }}, when: [before] }}\n\
             \x20     - {{ name: later, command: {{ run: [touch, looked] }}, when: [during, after] }}\n"
        )
    };
    let check = |before: &str| account.faultgate(&["check"]).file(".faultgate.yml", &suite(before)).finish();

    let ended = check(&open.to_string()).await;
    ended.assert_code(0, "steady");
    let line = "ok      probe port open of az-latency: steady: connected\n";
    assert!(ended.stdout.contains(line) && ended.stdout.ends_with("\nready\n"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("later") && !ended.path("looked").exists(), "{}", ended.stdout);

    let ended = check("127.0.0.1:1").await;
    ended.assert_code(3, "not steady");
    let line = "error   probe port open of az-latency: not steady: could not connect: ";
    assert!(ended.stdout.contains(line) && ended.stdout.contains("not ready"), "{}", ended.stdout);
    let remedy = "\n        → a run would launch nothing: look at the system";
    assert!(ended.stdout.contains(remedy), "{}", ended.stdout);
    assert!(
        account.requests_of("CreateQueue").is_empty() && account.requests_of("StartExperiment").is_empty()
    );
}

#[tokio::test]
async fn without_a_command_faultgate_runs() {
    let account = EmbeddedAccount::living(QUICK).await;
    let by_variable = account.faultgate(&[]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID);
    let by_flag = account.faultgate(&["--experiment-template-id", TEMPLATE_ID, "--timeout", "5m"]);
    for faultgate in [by_variable, by_flag] {
        let ended = faultgate.finish().await;
        ended.assert_code(0, "no command");
        assert_result(&ended.result(), 0);
    }
    assert_eq!(account.requests_of("StartExperiment").len(), 2);
}

#[tokio::test]
async fn a_flag_wins_over_a_variable_over_an_input_over_the_suite() {
    let account = EmbeddedAccount::living(QUICK).await;
    let suite = "version: 1\nexpected-resilience-score: 10\n";
    let run = || account.run().file(".faultgate.yml", suite);
    let expected = |ended: faultgate_testkit::binary::Finished| {
        ended.assert_code(0, "layers");
        ended.result()["gate"]["expected_resilience_score"].as_f64().unwrap()
    };
    let equal = |left: f64, right: f64| assert!((left - right).abs() < f64::EPSILON, "{left} {right}");
    equal(expected(run().finish().await), 10.0);
    let input = run().env("INPUT_EXPECTED-RESILIENCE-SCORE", "20");
    equal(expected(input.finish().await), 20.0);
    let own =
        run().env("INPUT_EXPECTED-RESILIENCE-SCORE", "20").env("FAULTGATE_EXPECTED_RESILIENCE_SCORE", "30");
    equal(expected(own.finish().await), 30.0);
    let flag = account
        .faultgate(&["run", "--expected-resilience-score", "40"])
        .env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID)
        .env("FAULTGATE_EXPECTED_RESILIENCE_SCORE", "30")
        .file(".faultgate.yml", suite);
    equal(expected(flag.finish().await), 40.0);
}

#[tokio::test]
async fn the_reference_names_every_input() {
    at_once(["markdown", "action", "gitlab"], |format| async move {
        let ended = Faultgate::new(&["inputs", "--format", format]).finish().await;
        ended.assert_code(0, format);
        for input in INPUTS {
            // A GitLab component's inputs would show secrets in its log.
            if format != "gitlab" || !input.is_secret() {
                assert!(ended.stdout.contains(input.name), "{format}: {}", input.name);
            }
        }
        assert!(ended.files().is_empty());
    })
    .await;
    let ended = Faultgate::new(&["inputs", "--format", "pdf"]).finish().await;
    ended.assert_code(2, "an unknown format");
}

#[tokio::test]
async fn help_and_version_are_no_runs() {
    let ended = Faultgate::new(&["--help"]).finish().await;
    ended.assert_code(0, "help");
    for word in ["run", "check", "rehearse", "inputs", "Exit codes", "--timeout"] {
        assert!(ended.stdout.contains(word), "{word}: {}", ended.stdout);
    }
    let ended = Faultgate::new(&["--version"]).finish().await;
    ended.assert_code(0, "version");
    let version = format!("faultgate {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(ended.stdout, version);
    let ended = Faultgate::new(&["rehearse", "--help"]).finish().await;
    for scenario in faultgate_rehearsal::Scenario::all() {
        assert!(ended.stdout.contains(scenario.name), "{}", scenario.name);
    }
    Faultgate::new(&["launhc"]).finish().await.assert_code(2, "no such command");
    let ended = Faultgate::new(&["help", "timeout"]).finish().await;
    ended.assert_code(0, "an input");
    for part in ["FAULTGATE_TIMEOUT", "--timeout 20m", "30m", "1s to 12h"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let ended = Faultgate::new(&["help", "timeuot"]).finish().await;
    ended.assert_code(2, "no such topic");
    assert!(ended.stderr.contains("did you mean timeout?"), "{}", ended.stderr);
}

#[tokio::test]
async fn manual_and_completions_are_made_by_the_binary() {
    let ended = Faultgate::new(&["man", "pages/of"]).finish().await;
    ended.assert_code(0, "man");
    assert!(ended.read("pages/of/faultgate-run.1").contains("\\-\\-timeout"), "{}", ended.stdout);
    for (shell, part) in
        [("bash", "complete -F"), ("zsh", "#compdef faultgate"), ("fish", "complete -c faultgate")]
    {
        let ended = Faultgate::new(&["completions", shell]).finish().await;
        ended.assert_code(0, shell);
        assert!(ended.stdout.contains(part), "{}", ended.stdout);
    }
    Faultgate::new(&["completions", "tcsh"]).finish().await.assert_code(2, "no such shell");
}

/// A policy or a list that is cut off would be taken for the whole.
#[tokio::test]
async fn what_cannot_be_printed_is_no_success() {
    for command in
        ["iam", "inputs", "init --print --platform gitlab --engine command --run x --stop none --injected x"]
    {
        let ended = Faultgate::job(&format!("faultgate {command} > /dev/full")).finish().await;
        ended.assert_code(3, command);
        assert!(ended.stderr.contains("could not be written"), "{command}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn iam_takes_an_account_or_a_pattern_and_no_other_word() {
    for (account, code) in
        [("123456789012", 0), ("*", 0), ("1234*", 0), ("abc", 2), ("12345678901", 2), ("", 2)]
    {
        Faultgate::new(&["iam", "--account", account]).finish().await.assert_code(code, account);
    }
}

#[tokio::test]
async fn what_is_missing_or_misspelt_on_the_command_line_is_named_as_it_is_typed() {
    for (line, told) in [
        (&["rehearse", "--scenario", "degrade"][..], "(from --scenario); did you mean degraded?"),
        (&["completions"], "<bash|zsh|fish>"),
        (&["help", "FAULTGATE_TIMOUT"], "did you mean timeout?"),
        (&["help", "links"], "it is a key of the suite file: see docs/suite.md"),
        (&["rnu"], "a similar subcommand exists: 'run'"),
    ] {
        let ended = Faultgate::new(line).finish().await;
        ended.assert_code(2, told);
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_rehearsal_touches_no_account() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let run = account.run().env("FAULTGATE_REHEARSAL", "stop-condition");
    let ended = run.finish().await;
    ended.assert_code(1, "rehearsal by variable");
    assert_eq!(ended.result()["rehearsal"]["scenario"], "stop-condition");
    assert!(account.world.requests().is_empty());
}
