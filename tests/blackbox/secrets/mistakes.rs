//! Tests of mistakes about secrets: no message repeats a secret.

use faultgate_testkit::binary::{Faultgate, at_once};

use super::{Marked, variables};

#[tokio::test]
async fn a_mistake_about_a_secret_does_not_repeat_it() {
    at_once(variables(), |name| async move {
        for broken in [" with a space", "\nwith a line", "\twith a tab"] {
            let mut marked = Marked::new();
            let value = format!("{}{broken}", marked.value(&name));
            marked.set(&name, &value);
            let faultgate = Faultgate::new(&["run"]).in_github("1").env("FAULTGATE_TIMEOUT", "soon");
            let ended = marked.put(faultgate).finish().await;
            ended.assert_code(2, &name);
            assert!(ended.stderr.contains(&name), "{}", ended.stderr);
            marked.assert_hidden(&ended, &name);
        }
    })
    .await;
}

#[tokio::test]
async fn a_secret_in_a_flag_is_refused_and_not_repeated() {
    let names = variables();
    let names = names.iter().filter_map(|name| name.strip_prefix("FAULTGATE_"));
    let flags = names.map(|name| format!("--{}", name.to_ascii_lowercase().replace('_', "-")));
    at_once(flags, |flag| async move {
        let mut marked = Marked::new();
        let secret = marked.marks.awkward("the flag");
        for args in [vec![flag.clone(), secret.clone()], vec![format!("{flag}={secret}")]] {
            for command in ["run", "check", "stop"] {
                let args: Vec<&str> = [command].into_iter().chain(args.iter().map(String::as_str)).collect();
                let ended = marked.put(Faultgate::new(&args)).finish().await;
                ended.assert_code(2, &flag);
                marked.assert_hidden(&ended, &flag);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_secret_in_a_suite_file_is_refused_and_not_repeated() {
    let names = variables();
    let names = names.into_iter().filter(|name| name.starts_with("FAULTGATE_"));
    at_once(names, |name| async move {
        let key = name.trim_start_matches("FAULTGATE_").to_ascii_lowercase().replace('_', "-");
        let mut marked = Marked::new();
        let secret = marked.marks.plain("the suite");
        let suites = [
            format!("version: 1\n{key}: {secret}\n"),
            format!("version: 1\n{key}s: {secret}\n"),
            format!("version: 1\n{key}: [{secret}]\n"),
            format!("version: 1\nharness-org-id: \"${{{name}}}\"\n"),
            format!("version: 1\nharness-org-id: \"${{{name}:-{secret}}}\"\n"),
            // A text that is no YAML is quoted by no message.
            format!("version: 1\n{key}: \"{secret}\n"),
        ];
        for suite in suites {
            let run = marked.put(Faultgate::new(&["run"])).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", "EXT1");
            let ended = run.file(".faultgate.yml", &suite).finish().await;
            ended.assert_code(2, &suite);
            marked.assert_hidden(&ended, &suite);
        }
    })
    .await;
}

#[tokio::test]
async fn a_password_in_an_address_is_not_repeated() {
    let variables = [
        "FAULTGATE_HARNESS_URL",
        "FAULTGATE_LITMUS_URL",
        "FAULTGATE_LITMUS_ORIGIN",
        "FAULTGATE_EVENT_QUEUE_URL",
        "FAULTGATE_FORGE_API_URL",
        "FAULTGATE_RUN_URL",
        "FAULTGATE_REPOSITORY",
        "HTTPS_PROXY",
        "http_proxy",
        "ALL_PROXY",
    ];
    at_once(variables, |variable| async move {
        let mut marked = Marked::new();
        let secret = marked.marks.plain(variable);
        for address in [
            format!("https://user:{secret}@host.invalid/a/b"),
            format!("https://{secret}@host.invalid/a/b"),
            format!("https://user:{secret}@host.invalid:port/a/b"),
            format!("socks5://user:{secret}@host.invalid"),
            format!("user:{secret}@host.invalid"),
        ] {
            // Some are mistakes, some are taken.
            let check = Faultgate::new(&["check"]).in_github("1").env("FAULTGATE_REHEARSAL", "completed");
            let ended = marked.put(check).env(variable, &address).finish().await;
            assert!(matches!(ended.code, Some(0 | 2)), "{variable}={address}: {}", ended.stderr);
            marked.assert_hidden(&ended, &format!("{variable}={address}"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_password_in_the_address_of_a_probe_is_not_repeated() {
    let kinds = [
        "http: { url: \"URL\" }",
        "prometheus: { url: \"URL\", query: up, expect: \"> 0\" }",
        "tcp: { address: \"URL\" }",
    ];
    at_once(kinds, |kind| async move {
        let mut marked = Marked::new();
        let secret = marked.marks.plain("the address");
        for url in [
            format!("http://user:{secret}@host.invalid/"),
            format!("ftp://user:{secret}@host.invalid/"),
            // The value comes from a variable, so the file does not show it.
            "http://user:${SHOP_PASSWORD}@host.invalid/".to_owned(),
            "http://host.invalid:${SHOP_PASSWORD}/".to_owned(),
        ] {
            let probe = kind.replace("URL", &url);
            let suite = format!(
                "version: 1\nexperiments:\n  - name: one\n    fis: {{ template: EXT1, region: eu-west-1 }}\n    \
                 probes: [{{ name: p, {probe}, when: [during] }}]\n"
            );
            let run = marked.put(Faultgate::new(&["run"])).file(".faultgate.yml", &suite);
            let ended = run.finish().await;
            ended.assert_code(2, &suite);
            marked.assert_hidden(&ended, &suite);
        }
    })
    .await;
}
