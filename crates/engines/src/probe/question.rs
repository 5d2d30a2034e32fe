//! The port to a probe, and the limit of each of its questions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use faultgate_config::Veil;
use faultgate_core::duration::exact;
use faultgate_core::text;

/// Number of characters of a reason.
pub(super) const MAX_REASON_CHARS: usize = 200;
/// The outcome of one evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    pub passed: bool,
    pub latency: Option<Duration>,
    /// The reason of a failure, or what was seen: one short line.
    pub reason: Option<String>,
}

/// A probe that can be evaluated. An evaluation may be dropped at any await, and then leaves nothing behind.
#[async_trait]
pub trait Evaluate: Send + Sync {
    /// Asks the question once, and always returns within the probe's limit.
    async fn evaluate(&self) -> Evaluation;

    /// Returns what an evaluation needs and this machine does not have. It is asked for before anything is
    /// launched.
    fn missing(&self) -> Option<String> {
        None
    }

    /// Returns the number of requests to AWS so far, by operation.
    fn calls(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

/// One kind of question, without a limit of its own.
pub(super) trait ProbeQuestion: Send + Sync {
    /// Asks the question once. It returns what was seen if all is well; the error is the reason if not.
    fn ask(&self) -> impl Future<Output = Result<String, String>> + Send;

    fn missing(&self) -> Option<String> {
        None
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

/// A question with a limit, whose reasons are veiled.
struct LimitedQuestion<L> {
    question: L,
    within: Duration,
    veil: Veil,
}

/// Makes the evaluator of a question.
pub(super) fn limit(
    question: impl ProbeQuestion + 'static,
    within: Duration,
    veil: Veil,
) -> Arc<dyn Evaluate> {
    Arc::new(LimitedQuestion { question, within, veil })
}

#[async_trait]
impl<L: ProbeQuestion> Evaluate for LimitedQuestion<L> {
    async fn evaluate(&self) -> Evaluation {
        let begun = Instant::now();
        let (passed, said) = match tokio::time::timeout(self.within, self.question.ask()).await {
            Ok(Ok(seen)) => (true, seen),
            Ok(Err(why)) => (false, why),
            Err(_) => (false, format!("no answer within {}", exact(self.within))),
        };
        let reason = text::plain(&self.veil.hide(&said), MAX_REASON_CHARS);
        Evaluation { passed, latency: Some(begun.elapsed()), reason: (!reason.is_empty()).then_some(reason) }
    }

    fn missing(&self) -> Option<String> {
        self.question.missing()
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.question.calls()
    }
}
