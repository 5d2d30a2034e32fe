//! Tests of Harness and LitmusChaos experiments: blocks, inputs, pages, keys and what is missing.

use super::*;
use crate::tests::Case;

const KEY: (&str, &str) = ("FAULTGATE_HARNESS_API_KEY", "pat.ACC.abc.s3cr3t");

fn harness(case: &Case<'_>) -> HarnessSpec {
    match case.load().unwrap().plan.experiments.remove(0).spec {
        EngineSpec::Harness(spec) => spec,
        other => panic!("{other:?}"),
    }
}

fn litmus(case: &Case<'_>) -> LitmusSpec {
    match case.load().unwrap().plan.experiments.remove(0).spec {
        EngineSpec::Litmus(spec) => spec,
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_forms_of_an_experiments_page_are_read() {
    for text in [
        "https://app.harness.io/ng/#/account/ACC/chaos/orgs/default/projects/shop/experiments/d7c9",
        "https://app.harness.io/ng/account/ACC/module/chaos/orgs/default/projects/shop/experiments/d7c9/runs?tab=1",
    ] {
        let page = HarnessPage::parse(text).expect(text);
        assert_eq!(
            [page.url, page.account, page.org, page.project, page.experiment],
            ["https://app.harness.io", "ACC", "default", "shop", "d7c9"]
        );
    }
    for text in [
        "d7c9",
        "https://app.harness.io/",
        "https://app.harness.io/ng/account/ACC/module/chaos",
        "ftp://app.harness.io/ng/account/A/orgs/O/projects/P/experiments/E",
        "https://app.harness.io/ng/account/A/orgs/O/projects/P/experiments/",
    ] {
        assert_eq!(HarnessPage::parse(text), None, "{text}");
    }
}

#[test]
fn a_page_below_a_path_keeps_it() {
    let page =
        HarnessPage::parse("https://chaos.example/harness/ng/account/A/all/orgs/O/projects/P/experiments/E");
    assert_eq!(page.unwrap().url, "https://chaos.example/harness");
}

#[test]
fn the_account_stands_in_the_key() {
    let account = |key: &str| account_of(&Secret::new(key));
    assert_eq!(account("pat.ACC.abc.def").as_deref(), Some("ACC"));
    assert_eq!(account("sat.ACC.abc.def").as_deref(), Some("ACC"));
    for key in ["abc", "pat.", "pat.ACC", "pat..abc", "ghp.ACC.abc"] {
        assert_eq!(account(key), None, "{key}");
    }
}

#[test]
fn inputs_alone_name_a_harness_experiment() {
    let mut case = Case {
        env: vec![KEY, ("INPUT_HARNESS-PROJECT-ID", "shop"), ("FAULTGATE_HARNESS_EXPERIMENT_ID", "D7c9_a")],
        flags: vec![("harness-runtime-inputs", "NS=shop\n pod-delete-x.SECONDS = 30=1 \n")],
        ..Case::default()
    };
    let spec = harness(&case);
    let project = &spec.project;
    assert_eq!(
        [&project.url, &project.account, &project.org, &project.project, &spec.experiment],
        ["https://app.harness.io", "ACC", "default", "shop", "D7c9_a"]
    );
    assert_eq!(spec.runtime_inputs.experiment["NS"], "shop");
    assert_eq!(spec.runtime_inputs.tasks["pod-delete-x"]["SECONDS"], "30=1");
    assert_eq!(case.load().unwrap().plan.experiments[0].name, "d7c9-a");
    case.flags = vec![("harness-runtime-inputs", "s3cr3t")];
    let mistakes = case.mistakes();
    assert!(mistakes[0].contains("has a line without NAME=value"), "{mistakes:#?}");
    assert!(!mistakes[0].contains("s3cr3t"), "{mistakes:#?}");
}

#[test]
fn the_page_of_an_experiment_is_enough() {
    const PAGE: &str =
        "https://app3.harness.io/ng/account/A/module/chaos/orgs/O/projects/P/experiments/E/runs";
    let case = Case { env: vec![KEY, ("FAULTGATE_HARNESS_EXPERIMENT_ID", PAGE)], ..Case::default() };
    let spec = harness(&case);
    assert_eq!((spec.project.url.as_str(), spec.experiment.as_str()), ("https://app3.harness.io", "E"));
    assert_eq!((spec.project.org.as_str(), spec.project.account.as_str()), ("O", "A"));
    let contradiction = Case {
        env: vec![KEY, ("FAULTGATE_HARNESS_EXPERIMENT_ID", PAGE), ("FAULTGATE_HARNESS_PROJECT_ID", "Q")],
        ..Case::default()
    };
    let mistakes = contradiction.mistakes();
    assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
    assert!(mistakes[0].starts_with("harness-project-id: is not that of the experiment's page, \"P\""));
    let other = [KEY, ("FAULTGATE_HARNESS_EXPERIMENT_ID", "https://app.harness.io/ng/account/A")];
    let mistakes = Case { env: other.to_vec(), ..Case::default() }.mistakes();
    assert!(mistakes[0].contains("is not the page of a Harness experiment"), "{mistakes:#?}");
}

#[test]
fn a_page_in_the_place_of_the_address_is_a_mistake() {
    let case = Case {
        env: vec![
            KEY,
            ("FAULTGATE_HARNESS_URL", "https://app.harness.io/ng/account/A/home"),
            ("FAULTGATE_HARNESS_PROJECT_ID", "P"),
            ("FAULTGATE_HARNESS_EXPERIMENT_ID", "E"),
        ],
        ..Case::default()
    };
    let mistakes = case.mistakes();
    assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
    assert!(mistakes[0].starts_with("harness-url: is the address of a page"), "{mistakes:#?}");
}

const LITMUS_TOKEN: (&str, &str) = ("FAULTGATE_LITMUS_TOKEN", "t0ken");

#[test]
fn the_page_of_a_litmus_experiment_is_enough() {
    for page in [
        "https://litmus.example/account/A/project/P/experiments/E/runs",
        "https://litmus.example/account/A/project/P/experiments/E/runs/R?tab=1",
        "https://litmus.example/account/A/project/P/experiments/E/notifyID/N",
        "https://litmus.example/account/-/project/P/experiments/E/chaos-studio",
        "https://litmus.example/#/account/A/project/P/experiments/E",
    ] {
        let case =
            Case { env: vec![LITMUS_TOKEN, ("FAULTGATE_LITMUS_EXPERIMENT_ID", page)], ..Case::default() };
        let spec = litmus(&case);
        let named = [&spec.project.url, &spec.project.project, &spec.experiment];
        assert_eq!(named, ["https://litmus.example", "P", "E"], "{page}");
    }
    let below =
        LitmusPage::parse("https://chaos.example/litmus/account/A/project/P/experiments/E/runs").unwrap();
    assert_eq!(below.url, "https://chaos.example/litmus");
    assert_eq!(LitmusPage::parse("E"), None);
    assert_eq!(LitmusPage::parse("https://litmus.example/"), None);
}

#[test]
fn a_page_of_litmus_in_the_place_of_its_address_is_taken_for_it() {
    let page = ("FAULTGATE_LITMUS_URL", "https://litmus.example/account/A/project/P/dashboard");
    let experiment = ("FAULTGATE_LITMUS_EXPERIMENT_ID", "E");
    let spec = litmus(&Case { env: vec![LITMUS_TOKEN, page, experiment], ..Case::default() });
    assert_eq!(
        [&spec.project.url, &spec.project.project, &spec.experiment],
        ["https://litmus.example", "P", "E"]
    );
    let other = ("FAULTGATE_LITMUS_PROJECT_ID", "Q");
    let spec = litmus(&Case { env: vec![LITMUS_TOKEN, page, experiment, other], ..Case::default() });
    assert_eq!(spec.project.project, "Q", "a page of one project does not choose it");
}

#[test]
fn a_page_of_litmus_that_names_no_experiment_or_another_place_is_a_mistake() {
    const PAGE: &str = "https://litmus.example/account/A/project/P/experiments/E/runs";
    let of = |env: &[(&'static str, &'static str)]| {
        let env = std::iter::once(LITMUS_TOKEN).chain(env.iter().copied()).collect();
        Case { env, ..Case::default() }.mistakes()
    };
    for page in [
        "https://litmus.example/account/A/project/P/experiments/new/K/chaos-studio",
        "https://litmus.example/dashboard",
    ] {
        let mistakes = of(&[("FAULTGATE_LITMUS_EXPERIMENT_ID", page)]);
        assert!(mistakes[0].contains("is not the page of a LitmusChaos experiment"), "{mistakes:#?}");
    }
    for (input, says) in [
        (
            ("FAULTGATE_LITMUS_PROJECT_ID", "Q"),
            "litmus-project-id: is not that of the experiment's page, \"P\"",
        ),
        (
            ("FAULTGATE_LITMUS_URL", "https://other.example"),
            "litmus-url: is not that of the experiment's page",
        ),
    ] {
        let mistakes = of(&[("FAULTGATE_LITMUS_EXPERIMENT_ID", PAGE), input]);
        assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
        assert!(mistakes[0].starts_with(says), "{mistakes:#?}");
    }
    let same =
        [("FAULTGATE_LITMUS_EXPERIMENT_ID", PAGE), ("FAULTGATE_LITMUS_URL", "https://litmus.example/")];
    let case = Case { env: std::iter::once(LITMUS_TOKEN).chain(same).collect(), ..Case::default() };
    assert_eq!(litmus(&case).project.url, "https://litmus.example");
}

#[test]
fn a_suites_block_goes_before_the_inputs() {
    let case = Case {
        env: vec![KEY, ("FAULTGATE_HARNESS_ORG_ID", "platform"), ("NS", "shop")],
        suite: Some(
            "version: 1\nharness-project-id: other\nexperiments:\n  - name: pod-delete\n    harness:\n      \
             { account: B, project: P, experiment: E, runtime-inputs: { NS: \"${NS}\", N: 3, tasks: { t: { x: \"\" } } } }\n",
        ),
        ..Case::default()
    };
    let spec = harness(&case);
    let project = &spec.project;
    assert_eq!([&project.account, &project.org, &project.project], ["B", "platform", "P"]);
    let inputs = &spec.runtime_inputs;
    assert_eq!((inputs.experiment["NS"].as_str(), inputs.experiment["N"].as_str()), ("shop", "3"));
    assert_eq!(inputs.tasks["t"]["x"], "");
    assert!(!format!("{spec:?}").contains("\"shop\""), "values may be secrets: {spec:?}");
}

#[test]
fn all_that_is_missing_is_told_at_once() {
    let suite = "version: 1\nexperiments:\n  - { name: a, harness: { experiment: E } }\n  - { name: b, litmus: { project: P } }";
    let mistakes = Case { suite: Some(suite), ..Case::default() }.mistakes();
    let told = |want: &str| assert!(mistakes.iter().any(|m| m.starts_with(want)), "{want}: {mistakes:#?}");
    told("experiments[0].harness.account: is missing");
    told("experiments[0].harness.project: is missing");
    told("experiments[1].litmus.experiment: is missing");
    told("experiments[1].litmus.url: is missing");
    let case = Case {
        suite: Some(
            "version: 1\nexperiments:\n  - { name: a, harness: { account: A, project: P, experiment: E } }\n  \
             - { name: b, litmus: { url: \"https://l.example/\", project: P, experiment: E } }",
        ),
        ..Case::default()
    };
    let mistakes = case.mistakes();
    assert_eq!(mistakes.len(), 2, "{mistakes:#?}");
    assert!(mistakes[0].starts_with("harness-api-key: is missing"), "{mistakes:#?}");
    assert!(mistakes[1].starts_with("litmus-token: is missing"), "{mistakes:#?}");
}

#[test]
fn litmus_takes_a_token_or_a_login() {
    let place = [
        ("FAULTGATE_LITMUS_URL", "https://l.example/litmus/"),
        ("FAULTGATE_LITMUS_PROJECT_ID", "P"),
        ("FAULTGATE_LITMUS_EXPERIMENT_ID", "E"),
    ];
    let with = |more: &[(&'static str, &'static str)]| Case {
        env: [place.as_slice(), more].concat(),
        ..Case::default()
    };
    let token = with(&[("FAULTGATE_LITMUS_TOKEN", "jwt")]);
    assert_eq!(litmus(&token).project.url, "https://l.example/litmus");
    let login = with(&[("FAULTGATE_LITMUS_USERNAME", "ci"), ("FAULTGATE_LITMUS_PASSWORD", "s3cr3t")]);
    assert_eq!(login.load().unwrap().litmus_username.as_deref(), Some("ci"));
    for half in [("FAULTGATE_LITMUS_USERNAME", "ci"), ("FAULTGATE_LITMUS_PASSWORD", "s3cr3t")] {
        let mistakes = with(&[half]).mistakes();
        assert!(mistakes[0].contains("is missing beside"), "{mistakes:#?}");
    }
}

#[test]
fn a_rehearsal_needs_no_key() {
    let suite =
        "version: 1\nexperiments:\n  - { name: a, harness: { account: A, project: P, experiment: E } }";
    let case =
        Case { env: vec![("FAULTGATE_REHEARSAL", "completed")], suite: Some(suite), ..Case::default() };
    assert!(case.load().is_ok());
}

#[test]
fn a_key_that_anybody_could_read_is_a_warning() {
    let warnings = |url: &'static str| {
        let place = [
            ("FAULTGATE_LITMUS_URL", url),
            ("FAULTGATE_LITMUS_PROJECT_ID", "P"),
            ("FAULTGATE_LITMUS_EXPERIMENT_ID", "E"),
            ("FAULTGATE_LITMUS_TOKEN", "jwt"),
        ];
        Case { env: place.to_vec(), ..Case::default() }.load().unwrap().warnings
    };
    assert_eq!(
        warnings("http://litmus.shop:9091"),
        ["litmus-token goes to litmus.shop unencrypted: use https"]
    );
    for url in ["https://litmus.shop", "http://localhost:9091", "http://[::1]:9091", "http://127.0.0.1:9091"]
    {
        assert!(warnings(url).is_empty(), "{url}");
    }
}
