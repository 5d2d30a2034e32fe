//! What goes wrong: faults of requests, and faults of events.

use std::borrow::Cow;
use std::time::Duration;

/// A fault of some requests. Rules are met in the order they were added: delays add up, and the first rule
/// with another effect decides what happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    /// `StartExperiment`, `fis:StartExperiment`, `sqs:*` or `*`.
    pub operation: Cow<'static, str>,
    /// The first occurrence that is met, counted from 1 since the rule was added.
    pub from: u32,
    /// How many occurrences are met. None: all that follow.
    pub times: Option<u32>,
    /// Only requests to this Region. None: to any.
    pub region: Option<Cow<'static, str>>,
    pub effect: Effect,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Refused with a service error; nothing takes effect.
    Error {
        status: u16,
        code: Cow<'static, str>,
        message: Cow<'static, str>,
        /// When to try again, told to the client.
        retry_after: Option<Duration>,
    },
    /// Never answered; nothing takes effect.
    Hang,
    /// Handled and answered that much later.
    Delay(Duration),
    /// It takes effect, then the connection is lost.
    LoseAnswer,
    /// The connection is lost before anything takes effect.
    LoseRequest,
    /// 200 with a body that is not the protocol's, as a captive portal gives; nothing takes effect.
    Garbage,
    /// 200 with an answer that tells of nothing, as a list that does not have yet what has begun; nothing takes effect.
    Nothing,
    /// Refused with a page, as by a proxy that does not speak the protocol; nothing takes effect.
    Page { status: u16, retry_after: Option<Duration> },
    /// It takes effect, then the connection is lost in the middle of the answer.
    Truncate,
    /// It takes effect, and the answer comes byte by byte, with such a pause before each.
    Trickle(Duration),
}

impl FaultRule {
    /// Every occurrence of an operation, or of `*`.
    pub fn on(operation: impl Into<Cow<'static, str>>, effect: Effect) -> Self {
        Self { operation: operation.into(), from: 1, times: None, region: None, effect }
    }

    #[must_use]
    pub fn from(mut self, nth: u32) -> Self {
        self.from = nth;
        self
    }

    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    #[must_use]
    pub fn in_region(mut self, region: impl Into<Cow<'static, str>>) -> Self {
        self.region = Some(region.into());
        self
    }

    fn concerns(&self, region: &str, service: &str, operation: &str) -> bool {
        if self.region.as_ref().is_some_and(|wanted| wanted != region) {
            return false;
        }
        let (wanted_service, wanted) = self.operation.split_once(':').unwrap_or((service, &self.operation));
        wanted_service == service && (wanted == "*" || wanted == operation)
    }

    fn is_active(&self, occurrence: u32) -> bool {
        let Some(past) = occurrence.checked_sub(self.from.max(1)) else {
            return false;
        };
        self.times.is_none_or(|times| past < times)
    }
}

impl Effect {
    /// As AWS refuses a request that no policy allows.
    pub fn denied(operation: &str) -> Self {
        Self::Error {
            status: 403,
            code: "AccessDeniedException".into(),
            message: format!("the caller is not authorized to perform: {operation}").into(),
            retry_after: None,
        }
    }

    pub const fn throttled(retry_after: Option<Duration>) -> Self {
        Self::Error {
            status: 400,
            code: Cow::Borrowed("ThrottlingException"),
            message: Cow::Borrowed("Rate exceeded"),
            retry_after,
        }
    }
}

/// All rules of a world, with how often each was concerned.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(FaultRule, u32)>);

/// What a request meets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) delay: Duration,
    /// Never a delay.
    pub(super) effect: Option<Effect>,
}

impl Faults {
    pub(super) fn add(&mut self, rule: FaultRule) {
        self.0.push((rule, 0));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn meet(&mut self, region: &str, service: &str, operation: &str) -> Met {
        let mut met = Met::default();
        for (rule, seen) in &mut self.0 {
            if !rule.concerns(region, service, operation) {
                continue;
            }
            *seen = seen.saturating_add(1);
            if !rule.is_active(*seen) {
                continue;
            }
            match &rule.effect {
                Effect::Delay(delay) => met.delay += *delay,
                effect => {
                    met.effect.get_or_insert_with(|| effect.clone());
                }
            }
        }
        met
    }
}

/// What becomes of the state changes that FIS announces. Index 0 is the first one of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFaults {
    pub lose_all: bool,
    /// Lost by index.
    pub lose: Cow<'static, [u64]>,
    /// Lost by the new state's word.
    pub lose_states: Cow<'static, [&'static str]>,
    /// How many times each is delivered; 1 is no fault, 0 is taken as 1.
    pub copies: u32,
    /// How late each is delivered, by index; those past the end are not delayed.
    pub delays: Cow<'static, [Duration]>,
    /// How many events of `PutEvents` are still to be lost although they were accepted.
    pub lose_custom: u32,
    /// How long after `PutTargets` a target receives nothing.
    pub rule_latency: Duration,
}

impl EventFaults {
    /// Every event arrives once, at once.
    pub const NONE: Self = Self {
        lose_all: false,
        lose: Cow::Borrowed(&[]),
        lose_states: Cow::Borrowed(&[]),
        copies: 1,
        delays: Cow::Borrowed(&[]),
        lose_custom: 0,
        rule_latency: Duration::ZERO,
    };

    pub(super) fn loses(&self, index: u64, state: &str) -> bool {
        self.lose_all || self.lose.contains(&index) || self.lose_states.contains(&state)
    }

    pub(super) fn delay(&self, index: u64) -> Duration {
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        self.delays.get(place).copied().unwrap_or_default()
    }
}

impl Default for EventFaults {
    fn default() -> Self {
        Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occurrences_are_counted_from_one() {
        let mut faults = Faults::default();
        faults.add(FaultRule::on("GetExperiment", Effect::Hang).from(2).times(2));
        let met: Vec<_> =
            (0..4).map(|_| faults.meet("eu-west-1", "fis", "GetExperiment").effect.is_some()).collect();
        assert_eq!(met, [false, true, true, false]);
        assert_eq!(faults.meet("eu-west-1", "fis", "StartExperiment"), Met::default());
    }

    #[test]
    fn a_fault_may_be_of_one_region() {
        let mut faults = Faults::default();
        faults.add(FaultRule::on("*", Effect::Hang).in_region("us-east-1"));
        assert_eq!(faults.meet("eu-west-1", "sqs", "ListQueues"), Met::default());
        assert_eq!(faults.meet("us-east-1", "sqs", "ListQueues").effect, Some(Effect::Hang));
    }

    #[test]
    fn delays_add_up_and_the_first_other_effect_decides() {
        let mut faults = Faults::default();
        faults.add(FaultRule::on("*", Effect::Delay(Duration::from_millis(40))));
        faults.add(FaultRule::on("sqs:*", Effect::Delay(Duration::from_millis(2))));
        faults.add(FaultRule::on("sqs:ReceiveMessage", Effect::LoseAnswer));
        faults.add(FaultRule::on("*", Effect::Garbage));
        let met = faults.meet("eu-west-1", "sqs", "ReceiveMessage");
        assert_eq!(met.delay, Duration::from_millis(42));
        assert_eq!(met.effect, Some(Effect::LoseAnswer));
        assert_eq!(faults.meet("eu-west-1", "fis", "GetExperiment").effect, Some(Effect::Garbage));
    }
}
