//! The comparison of the run, commit and repository that a file comes from with those of the process that
//! reads it.
//!
//! A state, a result or a part of another run must not decide about this one. A value that the reading
//! process does not know cannot differ; a value that only the file does not know does.

use super::RunIdentity;
use crate::text::plain;

/// Name of the CI of a run outside of any CI.
pub const NO_CI: &str = "none";
/// Largest number of characters that are shown of a value from a file.
const SHOWN_CHARS: usize = 80;

/// One thing in which two runs differ. Both sides are phrases that follow the word "of".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub own: String,
    pub other: String,
}

impl RunIdentity {
    /// Returns how this run differs from `here`, as far as `here` is known. Attempts of one run do not
    /// differ.
    pub fn differences(&self, here: &Self) -> Vec<Difference> {
        let has_ci = here.ci != NO_CI;
        // Outside of a CI, `here` comes from the checkout. It says what is here, but not that a file must
        // know the same.
        let [repository, commit, run] = self.all_differences(here);
        let repository = repository.filter(|_| has_ci || self.repository.is_some());
        let commit = commit.filter(|_| has_ci || self.commit.is_some());
        let is_of_plan = here.plan_run.as_deref().is_none_or(|plan| self.is_of_plan(plan));
        [repository, commit, run.filter(|_| has_ci || !is_of_plan)].into_iter().flatten().collect()
    }

    /// Returns how the runs of two parts differ. Neither of the two is the reference, so a value that only
    /// one of them knows is a difference, too.
    pub fn apart(&self, other: &Self) -> Vec<Difference> {
        let swapped = |found: Difference| Difference { own: found.other, other: found.own };
        let both_ways = self.all_differences(other).into_iter().zip(other.all_differences(self));
        both_ways.filter_map(|(found, reverse)| found.or_else(|| reverse.map(swapped))).collect()
    }

    fn all_differences(&self, here: &Self) -> [Option<Difference>; 3] {
        [self.other_repository(here), self.other_commit(here), self.other_run(here)]
    }

    fn other_repository(&self, here: &Self) -> Option<Difference> {
        let (own, other) = (self.repository.as_deref(), here.repository.as_deref());
        self.other_value("repository", own, here, other?, str::eq_ignore_ascii_case)
    }

    fn other_commit(&self, here: &Self) -> Option<Difference> {
        let (own, other) = (self.commit.as_deref(), here.commit.as_deref());
        self.other_value("commit", own, here, other?, is_same_commit)
    }

    fn other_value(
        &self,
        what: &str,
        own: Option<&str>,
        here: &Self,
        other: &str,
        is_same: fn(&str, &str) -> bool,
    ) -> Option<Difference> {
        let shown = |value: &str| format!("the {what} {}", plain(value, SHOWN_CHARS));
        match own {
            Some(own) if is_same(own, other) => None,
            Some(own) => Some(Difference { own: shown(own), other: shown(other) }),
            // The id of the run already proves that both are of the same run.
            None if self.is_of_the_run(here) => None,
            None => Some(Difference { own: format!("a {what} that is not known"), other: shown(other) }),
        }
    }

    fn other_run(&self, here: &Self) -> Option<Difference> {
        if let Some(plan) = here.plan_run.as_deref().filter(|plan| !self.is_of_plan(plan)) {
            let own = self.plan_run.as_deref().map_or_else(|| self.shown_run(), shown_plan);
            return Some(Difference { own, other: shown_plan(plan) });
        }
        let is_untold = self.pipeline.is_none() && here.pipeline.is_none();
        let has_one_ci = self.ci == here.ci;
        if self.is_of_the_run(here)
            || (has_one_ci && is_untold)
            // Equal commits excuse an unknown run only if it is unknown here: other runs have the same commit
            // as well.
            || (has_one_ci && here.pipeline.is_none() && self.is_of_the_commit(here))
        {
            return None;
        }
        Some(Difference { own: self.shown_run(), other: here.shown_run() })
    }

    fn is_of_the_run(&self, here: &Self) -> bool {
        // Items of one plan are of one run, whichever builds have carried them out.
        let has_plan = self.plan_run.is_some() && self.plan_run == here.plan_run;
        has_plan || (self.ci == here.ci && self.pipeline.is_some() && self.pipeline == here.pipeline)
    }

    /// Returns `true` if this run carries out an item of the plan with this id, which may be the CI's own.
    pub fn is_of_plan(&self, plan: &str) -> bool {
        self.plan_run.as_deref().or(self.pipeline.as_deref()) == Some(plan)
    }

    fn is_of_the_commit(&self, here: &Self) -> bool {
        let both = |own: &Option<String>, other: &Option<String>| own.is_some() && other.is_some();
        both(&self.repository, &here.repository)
            && both(&self.commit, &here.commit)
            && self.other_repository(here).is_none()
            && self.other_commit(here).is_none()
    }

    fn shown_run(&self) -> String {
        match &self.pipeline {
            Some(pipeline) => {
                format!("the run {} of {}", plain(pipeline, SHOWN_CHARS), plain(&self.ci, SHOWN_CHARS))
            }
            None if self.ci == NO_CI => "a run outside of any CI".to_owned(),
            None => format!("a run of {} that is not known", plain(&self.ci, SHOWN_CHARS)),
        }
    }
}

fn shown_plan(plan: &str) -> String {
    format!("the plan run {}", plain(plan, SHOWN_CHARS))
}

/// Compares two commits, one of which may be shortened.
fn is_same_commit(one: &str, other: &str) -> bool {
    let length = one.len().min(other.len());
    match (one.get(..length), other.get(..length)) {
        (Some(one), Some(other)) => length > 0 && one.eq_ignore_ascii_case(other),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn run(ci: &str, pipeline: Option<&str>, repository: Option<&str>, commit: Option<&str>) -> RunIdentity {
        RunIdentity {
            id: "1-a".to_owned(),
            ci: ci.to_owned(),
            pipeline: pipeline.map(str::to_owned),
            url: None,
            repository: repository.map(str::to_owned),
            commit: commit.map(str::to_owned),
            environment: None,
            shard: None,
            plan_run: None,
            attempt_key: String::new(),
        }
    }

    fn github(pipeline: Option<&str>, commit: Option<&str>) -> RunIdentity {
        run("github-actions", pipeline, Some("shop/web"), commit)
    }

    fn told(differences: &[Difference]) -> Vec<String> {
        differences.iter().map(|found| format!("{} | {}", found.own, found.other)).collect()
    }

    #[test]
    fn a_file_of_this_run_is_ours() {
        let here = github(Some("7"), Some(COMMIT));
        for ours in [
            here.clone(),
            github(Some("7"), Some("0123456")),
            github(Some("7"), Some("0123456789ABCDEF")),
            github(Some("7"), None),
            run("github-actions", Some("7"), Some("Shop/Web"), Some(COMMIT)),
        ] {
            assert_eq!(ours.differences(&here), [], "{ours:?}");
        }
    }

    #[test]
    fn a_file_of_another_use_of_a_plan_is_not_ours() {
        let used = |ci, plan_run: Option<&str>| RunIdentity {
            plan_run: plan_run.map(str::to_owned),
            ..run(ci, None, None, None)
        };
        for ci in [NO_CI, "codebuild"] {
            let here = used(ci, Some("monday"));
            assert_eq!(here.differences(&here), []);
            assert_eq!(
                told(&used(ci, Some("sunday")).differences(&here)),
                ["the plan run sunday | the plan run monday"]
            );
            assert_eq!(used(ci, None).differences(&here).len(), 1);
            assert_eq!(told(&used(ci, Some("sunday")).apart(&here)).len(), 1);
        }
    }

    #[test]
    fn a_file_of_another_run_is_told_with_what_differs() {
        let here = github(Some("8"), Some(COMMIT));
        let other = "fedcba9876543210fedcba9876543210fedcba98";
        let run_of_8 = "the run 8 of github-actions";
        for (file, differs) in [
            (github(Some("7"), Some(COMMIT)), vec![format!("the run 7 of github-actions | {run_of_8}")]),
            (
                github(Some("7"), Some(other)),
                vec![
                    format!("the commit {other} | the commit {COMMIT}"),
                    format!("the run 7 of github-actions | {run_of_8}"),
                ],
            ),
            (github(Some("8"), Some(other)), vec![format!("the commit {other} | the commit {COMMIT}")]),
            (
                run("gitlab-ci", Some("8"), Some("shop/web"), Some(COMMIT)),
                vec![format!("the run 8 of gitlab-ci | {run_of_8}")],
            ),
            (
                run("none", None, Some("shop/api"), None),
                vec![
                    "the repository shop/api | the repository shop/web".to_owned(),
                    format!("a commit that is not known | the commit {COMMIT}"),
                    format!("a run outside of any CI | {run_of_8}"),
                ],
            ),
            (
                github(None, Some(COMMIT)),
                vec![format!("a run of github-actions that is not known | {run_of_8}")],
            ),
            (
                github(None, None),
                vec![
                    format!("a commit that is not known | the commit {COMMIT}"),
                    format!("a run of github-actions that is not known | {run_of_8}"),
                ],
            ),
        ] {
            assert_eq!(told(&file.differences(&here)), differs);
            assert!(!file.apart(&here).is_empty() && !here.apart(&file).is_empty());
        }
    }

    #[test]
    fn where_nothing_is_known_here_nothing_differs() {
        let nowhere = run("none", None, None, None);
        let all = [github(Some("7"), Some(COMMIT)), run("jenkins", None, None, None), nowhere.clone()];
        for file in all {
            assert_eq!(file.differences(&nowhere), []);
        }
        // A checkout says what is here, but not that a file must know the same.
        let checkout = run("none", None, Some("shop/web"), Some(COMMIT));
        assert_eq!(nowhere.differences(&checkout), []);
        assert_eq!(github(Some("7"), Some("fedcba9")).differences(&checkout).len(), 1);
        // A CI that does not tell its run still tells which CI it is.
        let team_city = run("teamcity", None, None, Some(COMMIT));
        assert_eq!(run("teamcity", None, None, Some(COMMIT)).differences(&team_city), []);
        assert_eq!(github(Some("7"), Some(COMMIT)).differences(&team_city).len(), 1);
    }

    #[test]
    fn parts_differ_also_in_what_only_one_of_them_tells() {
        let (local, known) = (run("none", None, None, None), run("none", None, None, Some(COMMIT)));
        assert_eq!(local.apart(&local), []);
        for (one, other) in [(&local, &known), (&known, &local)] {
            let found = one.apart(other);
            assert_eq!(found.len(), 1, "{found:?}");
        }
    }

    #[test]
    fn no_commit_is_cut_inside_of_a_character() {
        assert!(!is_same_commit("é", "a") && !is_same_commit("", COMMIT));
    }
}
