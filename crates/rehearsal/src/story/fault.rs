//! The faults of a world: faults of requests, and faults of events.

use std::borrow::Cow;
use std::time::Duration;

/// A fault of some requests. Rules apply in the order in which they were added: delays add up, and the first
/// rule with another effect decides what happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    /// Operation that is affected: `StartExperiment`, `fis:StartExperiment`, `sqs:*` or `*`.
    pub operation: Cow<'static, str>,
    /// First request that is affected, counted from 1 since the rule was added.
    pub from: u32,
    /// Number of requests that are affected. None if all that follow are.
    pub times: Option<u32>,
    /// Region whose requests are affected. None if those of all Regions are.
    pub region: Option<Cow<'static, str>>,
    pub effect: FaultEffect,
}

/// The effect of a fault on a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultEffect {
    /// The request is refused with an error of the service, and nothing takes effect.
    Error {
        status: u16,
        code: Cow<'static, str>,
        message: Cow<'static, str>,
        /// Time after which the client is told to try again.
        retry_after: Option<Duration>,
    },
    /// The request is never answered, and nothing takes effect.
    Hang,
    /// The request is handled and answered that much later.
    Delay(Duration),
    /// The request takes effect, and the connection is lost before the answer.
    LoseAnswer,
    /// The connection is lost before anything takes effect.
    LoseRequest,
    /// The answer is a 200 with a body that is not of the protocol, as from a captive portal, and nothing
    /// takes effect.
    Garbage,
    /// The answer is a 200 that tells of nothing, like a list that does not yet contain what has begun, and
    /// nothing takes effect. The list of experiments is there, as FIS's is, and empty.
    Nothing,
    /// The request is refused with a page, as by a proxy that does not speak the protocol, and nothing takes
    /// effect.
    Page { status: u16, retry_after: Option<Duration> },
    /// The request takes effect, and the connection is lost in the middle of the answer.
    Truncate,
    /// The request takes effect, and the answer comes byte by byte, with this pause before each.
    Trickle(Duration),
}

impl FaultRule {
    /// Makes a fault of every request of an operation, or of all for `*`.
    pub fn on(operation: impl Into<Cow<'static, str>>, effect: FaultEffect) -> Self {
        Self { operation: operation.into(), from: 1, times: None, region: None, effect }
    }

    /// Begins with the `nth` request, counted from 1.
    #[must_use]
    pub fn from(mut self, nth: u32) -> Self {
        self.from = nth;
        self
    }

    /// Ends after this number of requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Restricts the fault to requests to this Region.
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

impl FaultEffect {
    /// Returns the refusal of AWS for a request that no policy allows.
    pub fn denied(operation: &str) -> Self {
        Self::Error {
            status: 403,
            code: "AccessDeniedException".into(),
            message: format!("the caller is not authorized to perform: {operation}").into(),
            retry_after: None,
        }
    }

    /// Returns the refusal of AWS for requests that come too fast.
    pub const fn throttled(retry_after: Option<Duration>) -> Self {
        Self::Error {
            status: 400,
            code: Cow::Borrowed("ThrottlingException"),
            message: Cow::Borrowed("Rate exceeded"),
            retry_after,
        }
    }
}

/// All rules of a world, each with the number of requests that it concerned so far.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(FaultRule, u32)>);

/// The faults that one request meets, combined.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) delay: Duration,
    /// Effect that decides what happens; never a delay.
    pub(crate) effect: Option<FaultEffect>,
}

impl Faults {
    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.0.push((rule, 0));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Counts a request with each rule that it concerns, and returns what it meets.
    pub(crate) fn meet(&mut self, region: &str, service: &str, operation: &str) -> Met {
        let mut met = Met::default();
        for (rule, seen) in &mut self.0 {
            if !rule.concerns(region, service, operation) {
                continue;
            }
            // Every rule counts a request that it concerns, even behind the rule that decides: the numbers of
            // requests must not depend on other rules.
            *seen = seen.saturating_add(1);
            if !rule.is_active(*seen) {
                continue;
            }
            match &rule.effect {
                FaultEffect::Delay(delay) => met.delay += *delay,
                effect => {
                    met.effect.get_or_insert_with(|| effect.clone());
                }
            }
        }
        met
    }
}

/// The faults of the state changes that FIS announces. Index 0 is the first one of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFaults {
    /// `true` if all state changes are lost.
    pub lose_all: bool,
    /// Indices of the state changes that are lost.
    pub lose: Cow<'static, [u64]>,
    /// Words of the new states whose changes are lost.
    pub lose_states: Cow<'static, [&'static str]>,
    /// `true` if the state changes of alarms are lost.
    pub lose_alarms: bool,
    /// Number of times that each is delivered, those of alarms too; 1 is no fault, and 0 counts as 1.
    pub copies: u32,
    /// Delay of each delivery, by index; those past the end are not delayed.
    pub delays: Cow<'static, [Duration]>,
    /// Number of events of `PutEvents` that are still to be lost although they were accepted.
    pub lose_custom: u32,
    /// Time after `PutTargets` in which a target receives nothing.
    pub rule_latency: Duration,
}

impl EventFaults {
    /// No fault: every event arrives once, at once.
    pub const NONE: Self = Self {
        lose_all: false,
        lose: Cow::Borrowed(&[]),
        lose_states: Cow::Borrowed(&[]),
        lose_alarms: false,
        copies: 1,
        delays: Cow::Borrowed(&[]),
        lose_custom: 0,
        rule_latency: Duration::ZERO,
    };

    pub(crate) fn loses(&self, index: u64, state: &str) -> bool {
        self.lose_all || self.lose.contains(&index) || self.lose_states.contains(&state)
    }

    pub(crate) fn delay(&self, index: u64) -> Duration {
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
        faults.add(FaultRule::on("GetExperiment", FaultEffect::Hang).from(2).times(2));
        let met: Vec<_> =
            (0..4).map(|_| faults.meet("eu-west-1", "fis", "GetExperiment").effect.is_some()).collect();
        assert_eq!(met, [false, true, true, false]);
        assert_eq!(faults.meet("eu-west-1", "fis", "StartExperiment"), Met::default());
    }

    #[test]
    fn a_fault_may_be_of_one_region() {
        let mut faults = Faults::default();
        faults.add(FaultRule::on("*", FaultEffect::Hang).in_region("us-east-1"));
        assert_eq!(faults.meet("eu-west-1", "sqs", "ListQueues"), Met::default());
        assert_eq!(faults.meet("us-east-1", "sqs", "ListQueues").effect, Some(FaultEffect::Hang));
    }

    #[test]
    fn delays_add_up_and_the_first_other_effect_decides() {
        let mut faults = Faults::default();
        faults.add(FaultRule::on("*", FaultEffect::Delay(Duration::from_millis(40))));
        faults.add(FaultRule::on("sqs:*", FaultEffect::Delay(Duration::from_millis(2))));
        faults.add(FaultRule::on("sqs:ReceiveMessage", FaultEffect::LoseAnswer));
        faults.add(FaultRule::on("*", FaultEffect::Garbage));
        let met = faults.meet("eu-west-1", "sqs", "ReceiveMessage");
        assert_eq!(met.delay, Duration::from_millis(42));
        assert_eq!(met.effect, Some(FaultEffect::LoseAnswer));
        assert_eq!(faults.meet("eu-west-1", "fis", "GetExperiment").effect, Some(FaultEffect::Garbage));
    }
}
