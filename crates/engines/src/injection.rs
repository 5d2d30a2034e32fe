//! The faults that an experiment injected, weighed by what its settings require (`require-actions`). Every
//! engine whose experiments have several actions uses it.

use faultgate_core::model::InjectionRule;

/// The fate of each action of an experiment that injects. Waits, assertions and recoveries are not among
/// them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Injection {
    /// Names of the actions that acted.
    pub(super) done: Vec<String>,
    /// Actions that did not act: they were skipped, or found no target.
    pub(super) idle: Vec<Idle>,
    /// Actions that failed, or were stopped.
    pub(super) broken: Vec<Idle>,
}

/// An action that did not do what it should, and the end of a sentence that begins with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Idle {
    pub(super) name: String,
    pub(super) why: String,
}

impl Idle {
    pub(super) fn new(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), why: why.into() }
    }
}

/// The value of an injection for the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Weighed {
    /// Enough was injected: the experiment may be scored, with these warnings.
    Enough { warnings: Vec<String> },
    /// Nothing was injected, for this reason.
    Nothing(String),
    /// Something was injected, but less than a score needs, for this reason.
    TooLittle(String),
}

impl Injection {
    /// Weighs the injection by the rule of the settings.
    pub(super) fn weigh(&self, rule: InjectionRule) -> Weighed {
        if self.done.is_empty() {
            return Weighed::Nothing(join_reasons([&self.broken[..], &self.idle].concat().iter()));
        }
        // An action that broke says nothing of the system, so no rule accepts it.
        if !self.broken.is_empty() {
            let (done, broken) = (self.done.join(", "), join_reasons(self.broken.iter()));
            return Weighed::TooLittle(format!("{broken}; only {done} acted"));
        }
        if self.idle.is_empty() {
            return Weighed::Enough { warnings: Vec::new() };
        }
        let idle = join_reasons(self.idle.iter());
        if rule.requires_all {
            let done = self.done.join(", ");
            return Weighed::TooLittle(format!("{idle}; only {done} acted, and require-actions is all"));
        }
        let warnings = self.idle.iter().map(|idle| format!("{} did not act: it {}", idle.name, idle.why));
        Weighed::Enough { warnings: warnings.collect() }
    }
}

/// Joins actions and their reasons to one sentence without its end.
fn join_reasons<'a>(actions: impl Iterator<Item = &'a Idle>) -> String {
    actions.map(|idle| format!("{} {}", idle.name, idle.why)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injection(done: &[&str], idle: &[&str], broken: &[&str]) -> Injection {
        let with = |names: &[&str], why: &str| names.iter().map(|name| Idle::new(*name, why)).collect();
        Injection {
            done: done.iter().map(ToString::to_string).collect(),
            idle: with(idle, "was skipped"),
            broken: with(broken, "failed"),
        }
    }

    #[test]
    fn any_action_is_enough_with_a_warning_for_each_other_one() {
        let any = InjectionRule::default();
        assert_eq!(injection(&["a", "b"], &[], &[]).weigh(any), Weighed::Enough { warnings: vec![] });
        assert_eq!(
            injection(&["a"], &["b", "c"], &[]).weigh(any),
            Weighed::Enough {
                warnings: vec![
                    "b did not act: it was skipped".to_owned(),
                    "c did not act: it was skipped".to_owned()
                ]
            }
        );
    }

    #[test]
    fn all_actions_are_required_where_the_rule_says_so() {
        let all = InjectionRule { requires_all: true, ..InjectionRule::default() };
        assert_eq!(injection(&["a"], &[], &[]).weigh(all), Weighed::Enough { warnings: vec![] });
        assert_eq!(
            injection(&["a"], &["b"], &[]).weigh(all),
            Weighed::TooLittle("b was skipped; only a acted, and require-actions is all".to_owned())
        );
    }

    #[test]
    fn what_broke_is_never_enough_and_what_never_acted_is_nothing() {
        let any = InjectionRule::default();
        assert_eq!(
            injection(&["a"], &["c"], &["b"]).weigh(any),
            Weighed::TooLittle("b failed; only a acted".to_owned())
        );
        assert_eq!(
            injection(&[], &["c"], &["b"]).weigh(any),
            Weighed::Nothing("b failed, c was skipped".to_owned())
        );
    }
}
