//! Tests of Harness and LitmusChaos that repeat all that they were sent.

use faultgate_testkit::binary::{Faultgate, at_once};
use faultgate_testkit::harness::{ACCOUNT, EXPERIMENT, PROJECT};
use faultgate_testkit::litmus;

use super::{Echo, Manner, Marked};

#[tokio::test]
async fn a_control_plane_that_repeats_a_key_is_not_repeated() {
    let other = Echo::by(Manner::Grant).await;
    let manners =
        [400, 401, 403].map(Manner::Refuse).into_iter().chain([Manner::Redirect(other.url()), Manner::Grant]);
    at_once(manners, |manner| async move {
        let echo = Echo::by(manner).await;
        for command in ["run", "check"] {
            for engine in ["harness", "litmus", "litmus, by password"] {
                let mut marked = Marked::new();
                let inputs = format!("TOKEN={}", marked.value("SHOP_KEY"));
                let mut faultgate = Faultgate::new(&[command]);
                if engine == "harness" {
                    faultgate = faultgate
                        .env("FAULTGATE_HARNESS_URL", echo.url())
                        .env("FAULTGATE_HARNESS_ACCOUNT_ID", ACCOUNT)
                        .env("FAULTGATE_HARNESS_PROJECT_ID", PROJECT)
                        .env("FAULTGATE_HARNESS_EXPERIMENT_ID", EXPERIMENT)
                        .env("FAULTGATE_HARNESS_RUNTIME_INPUTS", inputs);
                } else {
                    faultgate = faultgate
                        .env("FAULTGATE_LITMUS_URL", echo.url())
                        .env("FAULTGATE_LITMUS_PROJECT_ID", litmus::PROJECT)
                        .env("FAULTGATE_LITMUS_EXPERIMENT_ID", litmus::EXPERIMENT)
                        .env("FAULTGATE_LITMUS_USERNAME", "ci");
                }
                if engine == "litmus, by password" {
                    marked
                        .env
                        .retain(|(name, _)| !name.contains("LITMUS_TOKEN") && !name.contains("LITMUS-TOKEN"));
                }
                let ended = marked.put(faultgate).finish().await;
                // A check may end with a warning.
                if command == "run" {
                    ended.assert_code(3, engine);
                }
                marked.assert_hidden(&ended, &format!("{command} {engine}"));
            }
        }
        let marked = Marked::new();
        let allowed =
            ["FAULTGATE_HARNESS_API_KEY", "FAULTGATE_LITMUS_TOKEN", "FAULTGATE_LITMUS_PASSWORD", "SHOP_KEY"];
        assert!(!echo.requests().await.is_empty());
        echo.assert_only(&marked.marks, &allowed).await;
    })
    .await;
    assert_eq!(other.requests().await, [""; 0], "a key has gone to another host");
}
