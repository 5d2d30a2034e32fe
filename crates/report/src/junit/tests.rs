use std::collections::{BTreeMap, HashSet};

use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::*;
use faultgate_core::model::Verdict;
use faultgate_testkit::results;

/// A case as a reader sees it.
#[derive(Debug)]
struct Read {
    name: String,
    class: String,
    time: String,
    /// Name of the element that tells the fate.
    fate: Option<String>,
}

/// Returns the cases, and the attributes of each suite.
fn read(xml: &str) -> (Vec<Read>, Vec<BTreeMap<String, String>>) {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let (mut cases, mut suites): (Vec<Read>, Vec<BTreeMap<String, String>>) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) | Event::Empty(element) => {
                let attributes: BTreeMap<String, String> = element
                    .attributes()
                    .map(|attribute| {
                        let attribute = attribute.unwrap();
                        let value = std::str::from_utf8(&attribute.value).unwrap();
                        let value = quick_xml::escape::unescape(value).unwrap().into_owned();
                        (String::from_utf8(attribute.key.0.to_vec()).unwrap(), value)
                    })
                    .collect();
                match element.name().0 {
                    b"testsuite" => suites.push(attributes),
                    b"testcase" => cases.push(Read {
                        name: attributes["name"].clone(),
                        class: attributes["classname"].clone(),
                        time: attributes["time"].clone(),
                        fate: None,
                    }),
                    b"failure" | b"error" | b"skipped" => {
                        let name = String::from_utf8(element.name().0.to_vec()).unwrap();
                        cases.last_mut().unwrap().fate = Some(name);
                    }
                    _ => {}
                }
            }
            Event::Eof => return (cases, suites),
            _ => {}
        }
    }
}

/// Asserts what holds for every report.
pub(crate) fn assert_sound(result: &RunResult) {
    let xml = render(result).unwrap();
    let legal = |c: char| matches!(c, '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(xml.chars().all(|c| legal(c) && !('\u{7f}'..='\u{9f}').contains(&c)), "{xml:?}");
    assert!(!xml.contains("[[") && !xml.contains("&#"), "{xml}");
    let (cases, suites) = read(&xml);
    assert!(cases.len() <= MAX_CASES, "{}", cases.len());
    let names: HashSet<_> = cases.iter().map(|case| (&case.class, &case.name)).collect();
    assert_eq!(names.len(), cases.len(), "names are unique");
    for case in &cases {
        assert!(case.class.starts_with("faultgate"), "{case:?}");
        assert!(case.time.chars().all(|c| c.is_ascii_digit() || c == '.'), "{case:?}");
    }
    let number =
        |name: &str| -> usize { suites.iter().map(|suite| suite[name].parse::<usize>().unwrap()).sum() };
    let fates = |fate: &str| cases.iter().filter(|case| case.fate.as_deref() == Some(fate)).count();
    assert_eq!(number("tests"), cases.len());
    assert_eq!(number("failures"), fates("failure"));
    assert_eq!(number("errors"), fates("error"));
    assert_eq!(number("skipped"), fates("skipped"));
}

#[test]
fn a_case_for_each_action_and_verdict() {
    let (cases, _) = read(&render(&results::mixed()).unwrap());
    let told: Vec<String> = cases
        .iter()
        .map(|case| format!("{} {}: {}", case.class, case.name, case.fate.as_deref().unwrap_or("passed")))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    faultgate.pod-delete action settle (aws:ecs:task-network-latency): passed
    faultgate.pod-delete action latency (aws:ecs:task-network-latency): skipped
    faultgate.pod-delete action recover (aws:ecs:task-network-latency): skipped
    faultgate.pod-delete gate: failure
    faultgate.cpu-stress action latency (aws:ecs:task-network-latency): passed
    faultgate.cpu-stress gate: error
    faultgate.disk-fill action fill (aws:ecs:task-network-latency): skipped
    faultgate.disk-fill action fill (aws:ecs:task-network-latency) (2): skipped
    faultgate.disk-fill gate: error
    faultgate.az-latency action latency (aws:ecs:task-network-latency): passed
    faultgate.az-latency gate: passed
    faultgate gate: skipped
    ");
}

#[test]
fn a_case_for_each_probe() {
    let told = |result: &RunResult| -> Vec<String> {
        let (cases, _) = read(&render(result).unwrap());
        let probes = cases.iter().filter(|case| case.name.starts_with("probe "));
        probes.map(|case| format!("{}: {}", case.name, case.fate.as_deref().unwrap_or("passed"))).collect()
    };
    let mut result = results::probed();
    assert_eq!(
        told(&result),
        [
            "probe checkout answers (http): skipped",
            "probe port open (tcp): passed",
            "probe smoke (command): skipped"
        ]
    );
    let xml = render(&result).unwrap();
    assert!(xml.contains("message=\"9 of 10 looks that count passed = 90: status 503, not 200\""), "{xml}");

    // No reader of the report may see a failure if the gate has passed.
    result.experiments[0].verdict = Verdict::Passed;
    assert!(told(&result).iter().all(|case| case.ends_with("passed")), "{:?}", told(&result));
}

#[test]
fn every_sample_is_sound() {
    for result in
        [results::passed(), results::mixed(), results::probed(), results::cancelled(), results::stopped()]
    {
        assert_sound(&result);
    }
    assert_sound(&results::saying(results::HOSTILE));
}

#[test]
fn at_most_500_cases_and_what_passed_goes_first() {
    let mut result = results::mixed();
    let (of_passed, of_failed) = (result.experiments[0].clone(), result.experiments[1].clone());
    result.experiments = Vec::new();
    for number in 0..60 {
        let mut experiment = if number % 2 == 0 { of_passed.clone() } else { of_failed.clone() };
        experiment.name = format!("e{number}");
        let template = experiment.actions[0].clone();
        let mut failing = template.clone();
        failing.state = "failed".to_owned();
        experiment.actions = std::iter::repeat_n(template, 20).chain([failing]).collect();
        result.experiments.push(experiment);
    }
    assert_sound(&result);
    let xml = render(&result).unwrap();
    let (cases, suites) = read(&xml);
    assert_eq!((cases.len(), suites.len()), (MAX_CASES, 61));
    let count = |fate: &str| cases.iter().filter(|case| case.fate.as_deref() == Some(fate)).count();
    assert_eq!((count("failure"), count("error")), (30, 0), "one for each experiment that did not pass");
    assert_eq!(count("skipped"), 61, "the actions that failed, and the run's gate");
    assert!(xml.contains("<property name=\"left-out\" value=\"821 cases, those that passed first"), "{xml}");
}

#[test]
fn the_gate_stays_however_many_experiments_there_are() {
    let mut result = results::mixed();
    let one = result.experiments[0].clone();
    result.experiments.extend(std::iter::repeat_n(one, 700));
    assert_sound(&result);
    let (cases, suites) = read(&render(&result).unwrap());
    assert_eq!(cases.len(), MAX_CASES);
    assert_eq!(cases.last().unwrap().class, "faultgate");
    assert_eq!(suites.len(), MAX_CASES, "no suite is empty");
    // The one failure is that of pod-delete; no action is left.
    assert_eq!(cases.iter().filter(|case| case.fate.as_deref() == Some("failure")).count(), 1);
}
