//! The judgement: facts of a run against the rules of policies.

use std::fmt::Display;
use std::time::Duration;

use faultgate_config::EngineKind;
use faultgate_core::mistake::key;
use faultgate_core::model::{ActionFacts, TemplateFacts};
use jiff::{SignedDuration, Timestamp};

use super::broken::{BrokenRule, Ruling};
use super::closing::find_closing;
use super::facts::{ExperimentFacts, Fact, LaunchFacts};
use super::length::{measure_length, write_duration};
use super::policy::{Policy, WindowRule};

/// Limit of the items of a list that a broken rule repeats.
const MAX_LISTED: usize = 5;

/// Judges a run before its launch. What nobody knows breaks the rules that need it.
pub fn judge(policies: &[Policy], run: &LaunchFacts, experiments: &[ExperimentFacts]) -> Ruling {
    rule_on(policies, run, experiments, false)
}

/// Judges a further launch of a run by its windows: the moment is another one, and the rest has not changed.
pub fn judge_moment(policies: &[Policy], moment: Timestamp) -> Vec<BrokenRule> {
    let mut ruling = Ruling::default();
    for policy in policies {
        let mut judge = Judge::of_run(policy, &[], &mut ruling);
        judge.judge_windows(&Fact::Known(moment));
    }
    ruling.broken
}

/// Judges what the suite alone tells, for a plan that asks nobody: a rule whose facts were not asked for is
/// left to later.
pub fn judge_suite(policies: &[Policy], run: &LaunchFacts, experiments: &[ExperimentFacts]) -> Ruling {
    rule_on(policies, run, experiments, true)
}

fn rule_on(
    policies: &[Policy],
    run: &LaunchFacts,
    experiments: &[ExperimentFacts],
    leaves_to_later: bool,
) -> Ruling {
    let mut ruling = Ruling::default();
    for policy in policies {
        let tags = list_required_tags(policy);
        let mut judge = Judge { leaves_to_later, ..Judge::of_run(policy, &tags, &mut ruling) };
        judge.judge_run(run);
        if let Some(now) = judge.judge_windows(&run.moment) {
            judge.note_closing(now, run.parallel, experiments);
        }
        for experiment in experiments {
            judge.experiment = Some(experiment);
            judge.judge_allowed(experiment);
            judge.judge_required(experiment);
            judge.judge_limits(experiment);
            judge.judge_template(experiment);
        }
    }
    ruling
}

/// A tag that templates must have. Its texts are made once, since hundreds of templates may lack it.
struct RequiredTag<'a> {
    tag: &'a str,
    value: &'a str,
    rule: String,
    may_be: String,
}

fn list_required_tags(policy: &Policy) -> Vec<RequiredTag<'_>> {
    let tags = policy.require.tags.iter().map(|(tag, value)| RequiredTag {
        tag,
        value,
        rule: format!("require.tags.{}", key(tag)),
        may_be: format!("only {}", key(value)),
    });
    tags.collect()
}

/// One policy that is being applied, to the run or to one experiment.
struct Judge<'a> {
    policy: &'a Policy,
    tags: &'a [RequiredTag<'a>],
    experiment: Option<&'a ExperimentFacts>,
    leaves_to_later: bool,
    ruling: &'a mut Ruling,
}

impl<'a> Judge<'a> {
    fn of_run(policy: &'a Policy, tags: &'a [RequiredTag<'a>], ruling: &'a mut Ruling) -> Self {
        Self { policy, tags, experiment: None, leaves_to_later: false, ruling }
    }

    fn add_broken(&mut self, rule: &str, is: impl Display, may_be: impl Into<String>) {
        self.ruling.broken.push(BrokenRule {
            policy: self.policy.origin.clone(),
            rule: rule.to_owned(),
            experiment: self.experiment.map(|experiment| experiment.name.clone()),
            is: is.to_string(),
            may_be: may_be.into(),
        });
    }

    fn add_unknown(&mut self, rule: &str, why: &str, may_be: impl Into<String>) {
        self.add_broken(rule, format!("not known ({})", key(why)), may_be);
    }

    /// Returns the fact that a rule needs. If there is none, the rule is broken, or left to later.
    fn find_known<'f, T>(
        &mut self,
        rule: &str,
        fact: &'f Fact<T>,
        may_be: impl FnOnce() -> String,
    ) -> Option<&'f T> {
        match (fact, self.experiment.map(|experiment| experiment.engine)) {
            (Fact::Known(known), _) => return Some(known),
            (Fact::Later, _) => return None,
            (Fact::Unknown(why), _) => self.add_unknown(rule, why, may_be()),
            (Fact::NotAsked, Some(engine)) if engine != EngineKind::Fis => {
                let why = format!("the engine {} does not tell", engine.as_str());
                self.add_unknown(rule, &why, may_be());
            }
            (Fact::NotAsked, _) if self.leaves_to_later => {}
            (Fact::NotAsked, _) => self.add_unknown(rule, "it was not asked for", may_be()),
        }
        None
    }

    fn judge_run(&mut self, run: &LaunchFacts) {
        let limits = &self.policy.limits;
        if let Some(most) = limits.parallel
            && run.parallel > most
        {
            self.add_broken("limits.parallel", run.parallel, write_limit(most));
        }
        if let Some(most) = limits.experiments
            && let Some(number) =
                self.find_known("limits.experiments", &run.experiments, || write_limit(most))
            && *number > most
        {
            self.add_broken("limits.experiments", number, write_limit(most));
        }
    }

    /// Returns the moment if the windows are open then.
    fn judge_windows(&mut self, moment: &Fact<Timestamp>) -> Option<Timestamp> {
        let windows = &self.policy.windows;
        if windows.is_empty() {
            return None;
        }
        let before = self.ruling.broken.len();
        let now = self.find_known("windows", moment, || "must be within a window".to_owned())?;
        let allowed: Vec<_> = windows.iter().filter(|rule| matches!(rule, WindowRule::Allow(_))).collect();
        if let Some(first) = allowed.first()
            && !allowed.iter().any(|rule| rule.window().holds_at(*now))
        {
            let only = list_first(allowed.iter().map(|rule| rule.window()));
            self.add_broken("windows", first.window().clock(*now), format!("only within {only}"));
        }
        for (place, rule) in windows.iter().enumerate() {
            if let WindowRule::Deny(window) = rule
                && window.holds_at(*now)
            {
                let path = format!("windows[{place}].deny");
                self.add_broken(&path, window.clock(*now), format!("not within {window}"));
            }
        }
        (self.ruling.broken.len() == before).then_some(*now)
    }

    /// Notes that windows close before a run that begins now must have ended.
    fn note_closing(&mut self, now: Timestamp, parallel: usize, experiments: &[ExperimentFacts]) {
        let longest = measure_run(experiments, parallel);
        let windows = &self.policy.windows;
        let Some(until) = SignedDuration::try_from(longest).ok().and_then(|t| now.checked_add(t).ok()) else {
            return;
        };
        let Some(closing) = find_closing(windows, now, until).filter(|closing| *closing < until) else {
            return;
        };
        let Some(first) = windows.first() else { return };
        self.ruling.notes.push(format!(
            "windows: they close at {}, and the experiments may take {} from now; what runs then is not stopped, and \
             nothing more is launched",
            first.window().clock(closing),
            write_duration(longest)
        ));
    }

    fn judge_allowed(&mut self, experiment: &ExperimentFacts) {
        let allow = &self.policy.allow;
        if let Some(engines) = &allow.engines
            && !engines.contains(&experiment.engine)
        {
            self.add_broken(
                "allow.engines",
                experiment.engine.as_str(),
                write_allowed(engines.iter().map(|e| e.as_str())),
            );
        }
        if let Some(accounts) = &allow.accounts {
            self.judge_accounts(accounts, experiment);
        }
        if let Some(regions) = &allow.regions
            && let Some(region) =
                self.find_known("allow.regions", &experiment.region, || write_allowed(regions))
            && !regions.contains(region)
        {
            self.add_broken("allow.regions", key(region), write_allowed(regions));
        }
        if let Some(templates) = &allow.templates
            && let Some(id) =
                self.find_known("allow.templates", &experiment.template_id, || write_allowed(templates))
            && !templates.iter().any(|pattern| pattern.matches(id))
        {
            self.add_broken("allow.templates", key(id), write_allowed(templates));
        }
    }

    /// Judges the account that an experiment runs in, and those that it reaches.
    fn judge_accounts(&mut self, accounts: &[String], experiment: &ExperimentFacts) {
        let own = self.find_known("allow.accounts", &experiment.account, || write_allowed(accounts));
        let targets = match experiment.engine {
            EngineKind::Fis => {
                self.find_known("allow.accounts", &experiment.target_accounts, || write_allowed(accounts))
            }
            EngineKind::Harness | EngineKind::Litmus | EngineKind::Command => None,
        };
        let own = own.map(|account| (account, ""));
        let targets = targets.into_iter().flatten().map(|account| (account, " as a target account"));
        for (account, role) in own.into_iter().chain(targets) {
            if !accounts.contains(account) {
                self.add_broken("allow.accounts", format!("{}{role}", key(account)), write_allowed(accounts));
            }
        }
    }

    fn judge_required(&mut self, experiment: &ExperimentFacts) {
        if self.policy.require.probes && experiment.probes == 0 {
            self.add_broken("require.probes", "none", "at least one");
        }
    }

    fn judge_limits(&mut self, experiment: &ExperimentFacts) {
        let limits = &self.policy.limits;
        if let Some(most) = limits.targets
            && experiment.engine == EngineKind::Fis
            && let Some(number) = self.find_known("limits.targets", &experiment.targets, || write_limit(most))
            && *number > most
        {
            self.add_broken("limits.targets", number, write_limit(most));
        }
        // The place is needed to wait until nobody else is there.
        if limits.alone {
            let may_be = || "alone in its account and Region".to_owned();
            if self.find_known("limits.alone", &experiment.account, may_be).is_some() {
                self.find_known("limits.alone", &experiment.region, may_be);
            }
        }
        if let Some(most) = limits.duration
            && experiment.engine != EngineKind::Fis
        {
            self.judge_duration(experiment.timeout, most);
        }
    }

    fn judge_duration(&mut self, duration: Duration, most: Duration) {
        if duration > most {
            self.add_broken("limits.duration", write_duration(duration), write_limit(write_duration(most)));
        }
    }

    /// Judges an experiment by its FIS template. Each rule that the template cannot be asked for is told.
    fn judge_template(&mut self, experiment: &ExperimentFacts) {
        let Policy { require, deny, limits, .. } = self.policy;
        let is_fis = experiment.engine == EngineKind::Fis;
        let template = &experiment.template;
        if let Some(denied) = &deny.actions {
            let may_be = || format!("denied: {}", list_first(denied));
            if let Some(template) = self.find_known("deny.actions", template, may_be) {
                template.actions.iter().for_each(|action| self.judge_action(action));
            }
        }
        if !is_fis {
            return;
        }
        if require.stop_condition {
            let has = |template: &TemplateFacts| template.stop_alarms > 0;
            self.judge_presence("require.stop-condition", template, has, "at least one");
        }
        if require.logs {
            self.judge_presence(
                "require.logs",
                template,
                |template| template.has_logs,
                "a log configuration",
            );
        }
        self.tags.iter().for_each(|tag| self.judge_tag(template, tag));
        if let Some(most) = limits.duration
            && let Some(template) =
                self.find_known("limits.duration", template, || write_limit(write_duration(most)))
        {
            match measure_length(&template.actions) {
                Ok(length) => self.judge_duration(length, most),
                Err(why) => self.add_unknown("limits.duration", &why, write_limit(write_duration(most))),
            }
        }
    }

    fn judge_action(&mut self, action: &ActionFacts) {
        let mut denied = self.policy.deny.actions.iter().flatten();
        if let Some(pattern) = denied.find(|pattern| pattern.matches(&action.id)) {
            self.add_broken("deny.actions", key(&action.id), format!("denied: {pattern}"));
        }
    }

    fn judge_presence(
        &mut self,
        rule: &str,
        template: &Fact<TemplateFacts>,
        has: impl Fn(&TemplateFacts) -> bool,
        may_be: &str,
    ) {
        if let Some(template) = self.find_known(rule, template, || may_be.to_owned())
            && !has(template)
        {
            self.add_broken(rule, "none", may_be);
        }
    }

    fn judge_tag(&mut self, template: &Fact<TemplateFacts>, required: &RequiredTag<'_>) {
        let RequiredTag { tag, value, rule, may_be } = required;
        let Some(template) = self.find_known(rule, template, || may_be.clone()) else { return };
        match template.tags.get(*tag) {
            Some(found) if found == value => {}
            Some(found) => self.add_broken(rule, key(found), may_be),
            None => self.add_broken(rule, "none", may_be),
        }
    }
}

/// Returns the longest time that experiments take, of which so many run at once.
fn measure_run(experiments: &[ExperimentFacts], parallel: usize) -> Duration {
    let timeouts = || experiments.iter().map(|experiment| experiment.timeout);
    let longest = timeouts().max().unwrap_or_default();
    let at_once = u32::try_from(parallel.clamp(1, experiments.len().max(1))).unwrap_or(u32::MAX);
    let others = timeouts().fold(Duration::ZERO, Duration::saturating_add).saturating_sub(longest);
    longest.saturating_add(others / at_once)
}

fn write_limit(most: impl Display) -> String {
    format!("at most {most}")
}

fn write_allowed<T: Display>(allowed: impl IntoIterator<Item = T>) -> String {
    format!("only {}", list_first(allowed))
}

/// Returns the first items of a list, and how many there are besides.
fn list_first<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<T> = items.into_iter().collect();
    let shown: Vec<String> = items.iter().take(MAX_LISTED).map(|item| key(&item.to_string())).collect();
    let more = items.len().saturating_sub(MAX_LISTED);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
