//! Tests of what people see of a fault that may still be in, and of one that was never seen to be in.

use std::fmt::Write as _;

use faultgate_testkit::binary::Faultgate;
use faultgate_testkit::contract::assert_result;

#[tokio::test]
async fn a_stop_that_failed_is_said_first_among_many_failures() {
    let mut suite = "version: 1\nparallel: 12\nexperiments:\n".to_owned();
    for number in 0..11 {
        let _ = writeln!(
            suite,
            "  - {{ name: weak{number}, command: {{ run: [\"true\"] }}, \
             probes: [ {{ name: p, command: {{ run: [\"false\"] }}, when: [after] }} ] }}"
        );
    }
    suite += "  - { name: leftin, command: { run: [\"true\"], stop: [\"false\"] } }\n";
    suite += "  - { name: unborn, command: { run: [\"false\"] } }\n";
    let ended = Faultgate::new(&["run"]).in_github("1").file(".faultgate.yml", &suite).finish().await;
    ended.assert_code(1, "left in");
    let result = ended.result();
    assert_result(&result, 1);
    let said = "the fault may still be in: leftin";
    assert_eq!(result["gate"]["reasons"][0], said);
    let of = |name: &str| {
        let all = result["experiments"].as_array().unwrap();
        all.iter().find(|experiment| experiment["name"] == name).unwrap()
    };
    assert_eq!(of("leftin")["fault_may_be_in"], true);
    assert!(of("leftin")["fault"]["ended_at"].is_null(), "{:#}", of("leftin"));
    assert!(of("weak0").get("fault_may_be_in").is_none() && of("weak0")["fault"]["ended_at"].is_string());
    assert!(of("unborn").get("fault").is_none(), "nothing says that the fault went in");
    let errors: Vec<&str> = ended.stdout.lines().filter(|line| line.starts_with("::error")).collect();
    assert!(errors[0].contains(said) && errors[1].contains("title=leftin%3A"), "{errors:#?}");
    assert!(ended.outputs()["reason"].starts_with(said), "{:?}", ended.outputs());
    let summary = ended.summary();
    assert!(summary.contains("the fault is in since ") && summary.contains(", and its end is not known"));
}
