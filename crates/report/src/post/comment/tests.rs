use super::*;
use crate::fake_forge::{FakeForge, ForgeAsked};
use crate::forge::Again;
use faultgate_core::model::Outcome;
use faultgate_testkit::results;

fn comment(forge: &FakeForge, only_on_failure: bool) -> Comment {
    let url = Some("https://ci.example.com/runs/1".to_owned());
    Comment::new(
        forge.connection(),
        comment_key("faultgate", Some("ci/chaos"), &[], &["az"]),
        url,
        only_on_failure,
        true,
    )
}

fn forge() -> FakeForge {
    FakeForge::taking(Duration::ZERO)
}

#[test]
fn each_job_has_a_key_of_its_own_that_no_part_can_imitate() {
    let key = |prefix, job, experiments: &[&str]| comment_key(prefix, job, &[], experiments);
    let first = key("faultgate", Some("ci/chaos"), &["az"]);
    assert_eq!(first, key("faultgate", Some("ci/chaos"), &["az"]));
    for other in [
        key("chaos", Some("ci/chaos"), &["az"]),
        key("faultgate", Some("ci/other"), &["az"]),
        key("faultgate", None, &["ci/chaos", "az"]),
        key("faultgate", Some("ci/chaosaz"), &[]),
        key("faultgate", Some("ci/chaos"), &["a", "z"]),
    ] {
        assert_ne!(first, other);
    }
    assert!(first.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':'), "{first}");
}

#[tokio::test(start_paused = true)]
async fn a_comment_begins_with_its_marker_and_keeps_to_the_forges_limit() {
    let forge = forge();
    let reported = comment(&forge, false).finish(&results::large(&"text ".repeat(200))).await.unwrap();
    assert_eq!(reported.outcome, Outcome::Written);
    let asked = forge.asked();
    let [ForgeAsked::Find, ForgeAsked::Create(body)] = asked.as_slice() else { panic!("not created") };
    assert!(body.starts_with("<!-- faultgate:"), "{body}");
    assert!(body.len() <= forge.limits().comment, "{}", body.len());
    assert!(body.ends_with("[The run](https://ci.example.com/runs/1)\n"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_comment_that_everybody_may_read_tells_no_accounts() {
    let forge = forge();
    comment(&forge, false).finish(&results::passed()).await;
    let asked = forge.asked();
    let [ForgeAsked::Find, ForgeAsked::Create(body)] = asked.as_slice() else { panic!("not created") };
    assert!(!body.contains("arn:aws") && !body.contains("111122223333"), "{body}");
    assert!(body.contains("alarm:shop-5xx"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_comment_that_is_not_ours_to_update_is_left_alone() {
    let mut forge = forge().refusing(&[None, Some(Again::Anew)]);
    forge.comment = Some("1");
    let reported = comment(&forge, false).finish(&results::passed()).await.unwrap();
    assert_eq!(reported.outcome, Outcome::Written);
    let asked = forge.asked();
    let [ForgeAsked::Find, ForgeAsked::Update(id, _), ForgeAsked::Create(_)] = asked.as_slice() else {
        panic!("found, refused, created")
    };
    assert_eq!(id, "1");
}

#[tokio::test(start_paused = true)]
async fn a_pass_is_told_on_failure_only_where_a_failure_was() {
    let without = forge();
    let reported = comment(&without, true).finish(&results::passed()).await.unwrap();
    assert_eq!((reported.outcome, without.asked()), (Outcome::Skipped, vec![ForgeAsked::Find]));

    let mut with = forge();
    with.comment = Some("1");
    comment(&with, true).finish(&results::passed()).await;
    assert!(matches!(with.asked().last(), Some(ForgeAsked::Update(..))), "{:?}", with.asked());
}

#[tokio::test(start_paused = true)]
async fn only_what_may_help_is_tried_again() {
    let soon = forge().refusing(&[Some(Again::Soon), None, Some(Again::Soon)]);
    assert_eq!(comment(&soon, false).finish(&results::passed()).await.unwrap().outcome, Outcome::Written);
    assert_eq!(soon.asked().len(), 4);

    let never = forge().refusing(&[None, Some(Again::Never)]);
    let reported = comment(&never, false).finish(&results::passed()).await.unwrap();
    assert_eq!((reported.outcome, never.asked().len()), (Outcome::Failed, 2));
}

#[test]
fn siblings_of_a_matrix_keep_a_comment_each() {
    let key = |part: &[&str]| {
        let part: Vec<String> = part.iter().map(|value| (*value).to_owned()).collect();
        comment_key("faultgate", Some("ci/chaos"), &part, &["az"])
    };
    assert_ne!(key(&["eu"]), key(&["us"]));
    assert_ne!(key(&["eu"]), key(&[]));
}

/// The limits of all forges, the smallest first.
#[tokio::test(start_paused = true)]
async fn of_a_thousand_experiments_a_comment_names_those_that_did_not_pass() {
    let result = results::fleet(1_000, &["e700", "e999"]);
    for limit in [10_000, 30_000, 60_000] {
        let mut forge = forge();
        forge.limit = limit;
        let reported = comment(&forge, false).finish(&result).await.unwrap();
        assert_eq!(reported.outcome, Outcome::Written);
        let asked = forge.asked();
        let [ForgeAsked::Find, ForgeAsked::Create(body)] = asked.as_slice() else { panic!("not created") };
        assert!(body.len() <= limit, "{limit}: {}", body.len());
        let row =
            |name: &str| body.contains(&format!("| [{name}](")) || body.contains(&format!("| {name} |"));
        assert!(row("e700") && row("e999"), "{limit}: {body}");
        assert!(body.contains("more |"), "the others are counted: {body}");
    }
}
