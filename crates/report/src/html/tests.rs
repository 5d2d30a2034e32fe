//! Tests of the page as a parser reads it: it has our elements and attributes alone, and no address that is
//! not the result's.

use std::cell::RefCell;
use std::collections::BTreeSet;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use faultgate_core::model::FaultWindow;
use faultgate_core::text;
use faultgate_testkit::results;

/// Renders the whole page.
fn render(result: &RunResult) -> String {
    let mut page = Vec::new();
    write(result, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

#[derive(Default)]
struct Seen {
    tags: RefCell<Vec<Tag>>,
    open: RefCell<Vec<String>>,
    errors: RefCell<Vec<String>>,
    text: RefCell<String>,
}

const VOID: [&str; 1] = ["meta"];

impl TokenSink for Seen {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => {
                let name = tag.name.to_string();
                let is_style = name == "style" && tag.kind == TagKind::StartTag;
                match tag.kind {
                    TagKind::StartTag if !VOID.contains(&name.as_str()) => self.open.borrow_mut().push(name),
                    TagKind::EndTag => {
                        let opened = self.open.borrow_mut().pop();
                        if opened.as_deref() != Some(name.as_str()) {
                            self.errors.borrow_mut().push(format!("{opened:?} is closed by {name}"));
                        }
                    }
                    TagKind::StartTag => {}
                }
                self.tags.borrow_mut().push(tag);
                if is_style {
                    return TokenSinkResult::RawData(html5ever::tokenizer::states::RawKind::Rawtext);
                }
            }
            Token::ParseError(error) => self.errors.borrow_mut().push(error.into_owned()),
            Token::NullCharacterToken => self.errors.borrow_mut().push("a null character".to_owned()),
            Token::CommentToken(comment) => self.errors.borrow_mut().push(format!("comment {comment}")),
            Token::CharacterTokens(text) => self.text.borrow_mut().push_str(&text),
            Token::DoctypeToken(_) | Token::EOFToken => {}
        }
        TokenSinkResult::Continue
    }
}

fn parse(page: &str) -> Seen {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(page));
    let tokenizer =
        Tokenizer::new(Seen::default(), TokenizerOpts { exact_errors: true, ..Default::default() });
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink
}

const ELEMENTS: &str = "html head meta title style body header main footer section h1 h2 h3 h4 p span strong code pre time a \
    ul li dl dt dd div table thead tbody tfoot tr th td details summary figure figcaption svg desc path rect line text";
const ATTRIBUTES: &str = "lang charset http-equiv content name class id href rel datetime scope colspan role tabindex aria-label \
    aria-labelledby aria-hidden viewBox viewbox d x y x1 x2 y1 y2 width height rx text-anchor";

/// Asserts what must hold of a page, whatever the result says. Returns its text.
fn assert_sound(result: &RunResult) -> String {
    let page = render(result);
    assert!(page.len() <= 4_000_000, "{}", page.len());
    let seen = parse(&page);
    assert_eq!(*seen.errors.borrow(), [""; 0]);
    assert_eq!(*seen.open.borrow(), [""; 0]);
    let mut ids = BTreeSet::new();
    let mut targets = Vec::new();
    for tag in seen.tags.borrow().iter() {
        assert!(ELEMENTS.split_whitespace().any(|ours| ours == &*tag.name), "{tag:?}");
        for attribute in &tag.attrs {
            let (name, value) = (&*attribute.name.local, attribute.value.to_string());
            assert!(ATTRIBUTES.split_whitespace().any(|ours| ours == name), "{tag:?}");
            match name {
                "href" if value.starts_with('#') => targets.push(value[1..].to_owned()),
                "href" => assert!(link(result, &value), "{value}"),
                "id" => assert!(ids.insert(value.clone()), "{value} is there twice"),
                "aria-labelledby" => targets.extend(value.split(' ').map(str::to_owned)),
                "d" => assert!(!value.contains("NaN") && !value.contains("inf"), "{value}"),
                _ => {}
            }
        }
    }
    for target in targets {
        assert!(ids.contains(&target), "{target} leads nowhere");
    }
    assert_eq!(
        seen.tags.borrow().iter().filter(|tag| &*tag.name == "h1" && tag.kind == TagKind::StartTag).count(),
        1
    );
    seen.text.into_inner()
}

fn link(result: &RunResult, url: &str) -> bool {
    let experiments = result.experiments.iter();
    let known = experiments.flat_map(|experiment| [&experiment.url, &experiment.report_location]);
    let earlier = result.comparison.as_ref().map(|comparison| &comparison.earlier.url);
    let is_known = known.chain([&result.run.url]).chain(earlier).any(|known| known.as_deref() == Some(url));
    // Only the moments in a link of the suite are replaced.
    let is_ours = result.links.iter().any(|link| url.starts_with(link.url.split("${").next().unwrap()));
    (is_known || is_ours) && (url.starts_with("https://") || url.starts_with("http://"))
}

#[test]
fn every_kind_of_run_has_a_page() {
    for result in
        [results::passed(), results::mixed(), results::cancelled(), results::stopped(), results::measured()]
    {
        let text = assert_sound(&result);
        assert!(text.contains(result.gate.verdict.as_str()));
        for experiment in &result.experiments {
            assert!(
                text.contains(&text::plain(&experiment.reason, words::MAX_SENTENCE_CHARS)),
                "{}",
                experiment.reason
            );
        }
    }
}

#[test]
fn what_has_changed_is_shown_with_signs_and_words() {
    let text = assert_sound(&results::measured());
    for want in [
        "Compared with the earlier run: 95.33 → 67.7, −27.63 (max-score-drop 5).",
        "of commit 89abcdef0123456789abcdef0123456789abcdef, which ended at 2026-11-21 10:01:18Z: passed.",
        "az-latency9351.56−41.44passed → failed",
        "az-latencycheckout answers90.535−55.5",
        "az-latencysmokenot measured0unknown",
        "stop-tasks–100new– → passed",
        "fill-disk100–gonepassed → –",
    ] {
        assert!(text.contains(want), "{want}: {text}");
    }
    let mut part = results::measured();
    part.comparison.as_mut().unwrap().score = None;
    let text = assert_sound(&part);
    assert!(
        text.contains("only its experiments are compared") && !text.contains("the earlier run: "),
        "{text}"
    );
}

#[test]
fn the_arithmetic_is_shown_from_sample_to_run() {
    let text = assert_sound(&results::measured());
    let result = results::measured();
    let [latency, stop] = result.experiments.as_slice() else { panic!("two") };
    let points: f64 = latency.probes.iter().map(|p| p.score.get() * f64::from(p.weight)).sum();
    let sum = latency.score.unwrap().get() * 10.0 + stop.score.unwrap().get() * 5.0;
    for want in [
        "14 of 40 looks that count passed = 35 (46 of 75 in all), weight 10. Time to detect: 4s. Time to recover: 3s."
            .to_owned(),
        "before100 %10 of 10".to_owned(),
        "during35 %14 of 40".to_owned(),
        "after88 %22 of 25".to_owned(),
        format!("{} ÷ 16 = {}", words::number(points), latency.score.unwrap()),
        format!("{} ÷ 15 = {}, expected at least 95", words::number(sum), result.gate.resilience_score.unwrap()),
    ] {
        assert!(text.contains(&want), "{want}: {text}");
    }
}

#[test]
fn a_page_of_everything_is_sound_and_not_too_long() {
    for text in [results::HOSTILE, "<", "\"", "🦀"] {
        assert_sound(&results::large(&text.repeat(2_000 / text.len())));
    }
}

#[test]
fn a_suite_of_many_probes_keeps_what_did_not_pass() {
    let mut result = results::measured();
    let (bad, mut good) = (result.experiments[0].clone(), result.experiments[1].clone());
    good.probes = std::iter::repeat_n(bad.probes[0].clone(), 5).collect();
    for probe in &mut good.probes {
        probe.samples = std::iter::repeat_n(probe.samples.clone(), 10).flatten().collect();
    }
    result.experiments = std::iter::repeat_n(good, 600).chain([bad]).collect();
    let text = assert_sound(&result);
    assert!(text.contains("There was no room for"), "it all fits: make the run larger");
    assert!(text.contains("database port open"), "what failed comes first");
}

#[test]
fn addresses_are_the_webs_alone() {
    for url in [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://a b",
        "https://a\"onclick=\"b",
        "//evil",
        "HTTPS:x",
    ] {
        assert_eq!(words::link(url), None, "{url}");
    }
    assert_eq!(words::link("https://a.example/#x:y?z=1&b"), Some("https://a.example/#x:y?z=1&b"));
}

#[test]
fn nothing_can_be_loaded_and_nothing_runs() {
    let page = render(&results::measured());
    assert!(page.contains("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "));
    for word in ["<script", "src=", "url(", "@import", "style=\"", " on"] {
        assert!(!page.replace(" on ", " ").contains(word) || word == " on", "{word}");
    }
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,60}",
        "[\\x00-\\x9f\u{fffe}\u{ffff}]{0,60}",
        "(<|>|&|\"|'|`|=|/|</style>|</title>|</svg>|<!--|-->|<script>|<img src=x onerror=a>|]]>|&#x0;|&lt|javascript:|https://|\
         \\x00|\u{202e}|\n| ){0,20}",
    ]
}

fn moment() -> impl Strategy<Value = Timestamp> {
    let (least, most) = (Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond());
    prop_oneof![
        Just(Timestamp::MIN),
        Just(Timestamp::MAX),
        (least..=most).prop_map(|millis| Timestamp::from_millisecond(millis).unwrap()),
        (1_795_000_000_000..1_795_000_100_000_i64)
            .prop_map(|millis| Timestamp::from_millisecond(millis).unwrap()),
    ]
}

#[test]
fn faults_and_their_probes_are_shown() {
    let text = assert_sound(&results::faulted());
    for want in ["pod-network-latency", "HTTP_PROBE_FAILURE", "queue is short", "50 %", "status 503, not 200"]
    {
        assert!(text.contains(want), "{want}: {text}");
    }
    assert_sound(&results::saying_faults(results::HOSTILE));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn text_from_outside_is_text(text in hostile()) {
        assert_sound(&results::saying_measured(&text));
    }

    #[test]
    fn any_times_and_numbers_have_a_page(
        times in proptest::collection::vec(proptest::option::of(moment()), 12),
        latencies in proptest::collection::vec(proptest::option::of(any::<u64>()), 0..40),
        limit in proptest::option::of(any::<u64>()),
        weight in any::<u32>(),
    ) {
        let mut result = results::measured();
        let experiment = &mut result.experiments[0];
        let mut times = times.into_iter().cycle();
        let mut next = || times.next().flatten();
        (experiment.started_at, experiment.ended_at) = (next(), next());
        experiment.weight = weight;
        experiment.fault = next().map(|started_at| FaultWindow { started_at, ended_at: next() });
        for transition in &mut experiment.transitions {
            transition.at = next().unwrap_or(transition.at);
            transition.observed_at = next().unwrap_or(transition.at);
        }
        for action in &mut experiment.actions {
            (action.started_at, action.ended_at) = (next(), next());
        }
        let probe = &mut experiment.probes[0];
        (probe.limit_ms, probe.weight, probe.passed, probe.total) = (limit, weight, u64::MAX, 0);
        probe.samples.truncate(latencies.len());
        for (sample, latency) in probe.samples.iter_mut().zip(latencies) {
            sample.latency_ms = latency;
            sample.at = next().unwrap_or(sample.at);
        }
        (probe.detected_after_ms, probe.recovered_after_ms) = (limit, Some(u64::MAX));
        result.ended_at = next().unwrap_or(result.ended_at);
        assert_sound(&result);
    }
}

/// The pages that the browser's tests open are those that are rendered here. `UPDATE_FIXTURES=1` writes them.
#[test]
fn the_browsers_fixtures_are_these_samples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser/fixtures");
    for (name, result) in [
        ("measured.json", results::measured()),
        ("cancelled.json", results::cancelled()),
        ("hostile.json", results::saying_measured(results::HOSTILE)),
    ] {
        let wanted = serde_json::to_string_pretty(&result).unwrap() + "\n";
        let path = folder.join(name);
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == wanted, "{name} is not what the sample is: run this test with UPDATE_FIXTURES=1");
    }
}
