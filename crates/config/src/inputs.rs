//! The inputs, each defined once.
//!
//! The flags, the variables, the keys of a suite and the reference are all made from this table.

use std::time::Duration;

use super::kind::Kind;

/// The sections of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Experiment,
    Aws,
    Harness,
    Litmus,
    Gate,
    Monitoring,
    Forge,
    Reports,
    General,
}

impl Group {
    pub const ALL: [Self; 9] = [
        Self::Experiment,
        Self::Aws,
        Self::Harness,
        Self::Litmus,
        Self::Gate,
        Self::Monitoring,
        Self::Forge,
        Self::Reports,
        Self::General,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Experiment => "Experiment",
            Self::Aws => "AWS",
            Self::Harness => "Harness",
            Self::Litmus => "Litmus",
            Self::Gate => "Gate",
            Self::Monitoring => "Monitoring",
            Self::Forge => "Forge",
            Self::Reports => "Reports",
            Self::General => "General",
        }
    }
}

/// One input, as the table defines it.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    pub name: &'static str,
    pub group: Group,
    pub(super) kind: Kind,
    /// Meaning on one line, without the forms and ranges, which the kind knows.
    help: &'static str,
    pub(super) default: Option<&'static str>,
    /// Description of what happens without a value, where the default is not a plain value.
    default_note: Option<&'static str>,
    pub(super) example: Option<&'static str>,
}

/// An input without a default and an example.
impl Input {
    const fn new(group: Group, name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, group, kind, help, default: None, default_note: None, example: None }
    }

    const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    /// Sets the note on what happens without a value.
    const fn otherwise(mut self, note: &'static str) -> Self {
        self.default_note = Some(note);
        self
    }

    const fn example(mut self, value: &'static str) -> Self {
        self.example = Some(value);
        self
    }

    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret)
    }

    /// The name of the flag, without its dashes. A secret has none, since every process can read a command
    /// line.
    pub fn flag(&self) -> Option<&'static str> {
        (!self.is_secret()).then_some(self.name)
    }

    /// The name of faultgate's own variable, such as `FAULTGATE_TIMEOUT`.
    pub fn variable(&self) -> String {
        format!("FAULTGATE_{}", self.upper())
    }

    /// The names of the variables that a CI makes from an action's inputs: GitHub keeps hyphens, others do
    /// not.
    pub fn ci_variables(&self) -> [String; 2] {
        [format!("INPUT_{}", self.name.to_ascii_uppercase()), format!("INPUT_{}", self.upper())]
    }

    /// `true` if the suite file may set the input. The path of that file is not one of its settings.
    pub fn in_suite(&self) -> bool {
        !self.is_secret() && self.name != "config"
    }

    /// `true` if `launch` writes the value to the state file, for `monitor` and `score`: an input that says
    /// what is run and how it is judged.
    ///
    /// Runtime inputs may hold secrets, and only a launch needs them. The address of a control plane says who
    /// receives a secret, so each step must get it from its own settings.
    pub(super) fn is_handed_on(&self, value: &str) -> bool {
        let of_the_run = match self.group {
            Group::Experiment
            | Group::Aws
            | Group::Harness
            | Group::Litmus
            | Group::Gate
            | Group::Monitoring => true,
            Group::Forge | Group::Reports | Group::General => self.name == "config",
        };
        // The origin is the content of a header: nothing is sent to it, although it looks like an address.
        let is_address = matches!(self.group, Group::Harness | Group::Litmus)
            && self.name != "litmus-origin"
            && value.contains("://");
        of_the_run && !self.is_secret() && self.name != "harness-runtime-inputs" && !is_address
    }

    /// The meaning of the input, with the forms, units and range of its value.
    pub fn description(&self) -> String {
        let mut text = self.help.to_owned();
        if let Some(forms) = self.kind.forms() {
            text = format!("{text} ({forms})");
        }
        text
    }

    /// The default value, or the note on it, as the reference shows it.
    pub fn default_text(&self) -> Option<&'static str> {
        self.default.or(self.default_note)
    }

    fn upper(&self) -> String {
        self.name.to_ascii_uppercase().replace('-', "_")
    }
}

/// The input of this name, if there is one.
pub(super) fn find(name: &str) -> Option<&'static Input> {
    INPUTS.iter().find(|i| i.name == name)
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const HALF_A_DAY: Duration = Duration::from_hours(12);
/// The kind of `timeout` and `queue-timeout`, for a run and for one experiment.
pub(super) const TIMEOUT: Kind = Kind::Duration { min: SECOND, max: HALF_A_DAY };
const LINE: Kind = Kind::Text { max: 255 };

/// The table of all inputs, in the order of the reference. It is a contract with the users: names do not
/// change.
#[rustfmt::skip]
pub const INPUTS: &[Input] = &[
    Input::new(Group::Experiment, "experiment-template-id", Kind::Templates,
        "FIS experiment template to run, or several")
        .example("EXT1a2b3c4d5e6f7"),
    Input::new(Group::Experiment, "timeout", TIMEOUT,
        "Longest time from launch to end for one experiment; past it the experiment is stopped")
        .default("30m").example("20m"),
    Input::new(Group::Experiment, "queue-timeout", TIMEOUT,
        "Longest time an engine may leave an experiment pending")
        .default("5m").example("90s"),
    Input::new(Group::Experiment, "parallel", Kind::Count { min: 1, max: 500 },
        "Experiments at once; FIS has a quota of active experiments for each account and Region")
        .default("1").example("3"),
    Input::new(Group::Experiment, "shard", Kind::Shard,
        "Part of the experiments to run, where a suite is split over jobs; faultgate report --merge makes one gate of them")
        .otherwise("all of them").example("2/5"),
    Input::new(Group::Experiment, "dry-run", Kind::Bool,
        "FIS target preview: nothing is injected, the gate only checks that targets resolve")
        .default("false").example("true"),
    Input::new(Group::Aws, "aws-region", Kind::Region,
        "AWS Region of the experiments")
        .otherwise("the SDK's default chain").example("eu-west-1"),
    Input::new(Group::Aws, "aws-role-arn", Kind::RoleArn,
        "Role to assume, by the CI's own OpenID token or else by the SDK's default chain; renewed while the run lasts")
        .otherwise("the SDK's default chain").example("arn:aws:iam::111122223333:role/chaos"),
    Input::new(Group::Aws, "aws-id-token", Kind::Secret,
        "OpenID token by which roles are assumed: GitLab's id_tokens puts one there")
        .otherwise("on GitHub the job's own, with id-token: write"),
    Input::new(Group::Harness, "harness-url", Kind::Url,
        "Harness to talk to")
        .default("https://app.harness.io").example("https://harness.example.com"),
    Input::new(Group::Harness, "harness-account-id", LINE,
        "Harness account")
        .otherwise("the account that the API key names").example("abcdefghijklmnopqrstuv"),
    Input::new(Group::Harness, "harness-org-id", LINE,
        "Harness organisation")
        .default("default").example("platform"),
    Input::new(Group::Harness, "harness-project-id", LINE,
        "Harness project")
        .example("shop"),
    Input::new(Group::Harness, "harness-experiment-id", Kind::Text { max: 2048 },
        "Harness chaos experiment to run: its id, or the address of its page, which names account, organisation and project")
        .example("d7c9d243-0219-4f7c-84c2-3004e59e4505"),
    Input::new(Group::Harness, "harness-runtime-inputs", Kind::Lines { max: 64 * 1024 },
        "Runtime inputs of the experiment, one on each line: NAME=value, or TASK.NAME=value")
        .example("TARGET_NAMESPACE=shop"),
    Input::new(Group::Harness, "harness-api-key", Kind::Secret,
        "Harness API key"),
    Input::new(Group::Litmus, "litmus-url", Kind::Url,
        "LitmusChaos 3.x control plane to talk to")
        .example("https://litmus.example.com"),
    Input::new(Group::Litmus, "litmus-project-id", LINE,
        "LitmusChaos project")
        .example("shop"),
    Input::new(Group::Litmus, "litmus-experiment-id", Kind::Text { max: 2048 },
        "LitmusChaos experiment to run: its id, or the address of its page, which names ChaosCenter and project")
        .example("pod-kill"),
    Input::new(Group::Litmus, "litmus-token", Kind::Secret,
        "LitmusChaos API token"),
    Input::new(Group::Litmus, "litmus-username", LINE,
        "LitmusChaos user to log in as, with litmus-password, where there is no token")
        .example("ci"),
    Input::new(Group::Litmus, "litmus-password", Kind::Secret,
        "Password of litmus-username"),
    Input::new(Group::Litmus, "litmus-origin", Kind::Url,
        "Origin header that the LitmusChaos control plane accepts")
        .otherwise("the origin of litmus-url").example("https://litmus.example.com"),
    Input::new(Group::Gate, "expected-resilience-score", Kind::Score,
        "Lowest resilience score that passes the gate")
        .default("100").example("95"),
    Input::new(Group::Gate, "each-resilience-score", Kind::Score,
        "Lowest resilience score of each experiment that names none of its own; 0 lets the mean alone decide")
        .otherwise("expected-resilience-score").example("80"),
    Input::new(Group::Gate, "compare-to", Kind::Path,
        "The result.json of an earlier run, to compare with; it may be in report-dir")
        .example("faultgate-report/result.json"),
    Input::new(Group::Gate, "max-score-drop", Kind::Score,
        "How far the resilience score may lie below that of compare-to")
        .otherwise("any drop passes").example("5"),
    Input::new(Group::Gate, "allow-empty-targets", Kind::Bool,
        "Accept an experiment in which nothing was injected")
        .default("false").example("true"),
    Input::new(Group::Gate, "require-actions", Kind::Choice(&["any", "all"]),
        "How many of an experiment's actions that inject must have completed: one, or each")
        .default("any").example("all"),
    Input::new(Group::Monitoring, "monitor", Kind::Choice(&["events", "queue", "poll"]),
        "How the end is learned: by a rule and queue of the run's own, from event-queue-url, or by asking")
        .default("events").example("poll"),
    Input::new(Group::Monitoring, "event-queue-url", Kind::QueueUrl,
        "SQS queue that a rule of yours already feeds; where monitor is not set, this sets it to queue")
        .example("https://sqs.eu-west-1.amazonaws.com/111122223333/fis-events"),
    Input::new(Group::Monitoring, "reconcile-interval", Kind::Duration { min: SECOND, max: HOUR },
        "How often the engine is asked although events are expected, since their delivery is best effort")
        .default("5m").example("2m"),
    Input::new(Group::Forge, "github-token", Kind::Secret,
        "Token for GitHub commit statuses and comments")
        .otherwise("in the GitHub action the job's own token"),
    Input::new(Group::Forge, "gitlab-token", Kind::Secret,
        "Token for GitLab commit statuses and notes, with scope api"),
    Input::new(Group::Forge, "bitbucket-token", Kind::Secret,
        "Token for Bitbucket build statuses and comments"),
    Input::new(Group::Forge, "forge", Kind::Choice(&["github", "gitlab", "gitea", "forgejo", "bitbucket", "codecommit"]),
        "Where the repository is")
        .otherwise("detected").example("gitlab"),
    Input::new(Group::Forge, "forge-api-url", Kind::Url,
        "API of the forge, where it is not at the usual place")
        .otherwise("detected").example("https://github.example.com/api/v3"),
    Input::new(Group::Forge, "repository", LINE,
        "Repository to report to: its full name, or the URL it is cloned from")
        .otherwise("detected").example("octo/shop"),
    Input::new(Group::Forge, "commit", Kind::Commit,
        "Commit to report to")
        .otherwise("detected").example("9fceb02d0ae598e95dc970b74767f19372d61af8"),
    Input::new(Group::Forge, "pull-request", Kind::Number,
        "Pull or merge request to comment on")
        .otherwise("detected").example("42"),
    Input::new(Group::Forge, "run-url", Kind::Url,
        "Page of the pipeline's run, to which statuses and comments link")
        .otherwise("detected").example("https://ci.example.com/builds/42"),
    Input::new(Group::Forge, "commit-status", Kind::Bool,
        "Post commit statuses")
        .default("true").example("false"),
    Input::new(Group::Forge, "status-context", Kind::Text { max: 100 },
        "Prefix of the names of commit statuses")
        .default("faultgate").example("chaos"),
    Input::new(Group::Forge, "matrix", Kind::Lines { max: 16 * 1024 },
        "Values of the matrix that tell this job from its siblings: a JSON object, or any text; names of statuses end with them")
        .otherwise("in the GitHub action the job's own matrix").example("eu-west-1"),
    Input::new(Group::Forge, "comment", Kind::Choice(&["off", "on", "on-failure"]),
        "One comment on the pull or merge request, updated in place")
        .default("off").example("on-failure"),
    Input::new(Group::Reports, "report-dir", Kind::Path,
        "Directory for report files")
        .default("faultgate-report").example("out/chaos"),
    Input::new(Group::Reports, "reporting", Kind::Choice(&["warn", "fail"]),
        "Whether a report that could not be posted fails the run")
        .default("warn").example("fail"),
    Input::new(Group::Reports, "state-file", Kind::Path,
        "File by which faultgate stop knows what the run has begun")
        .otherwise("state.json in report-dir").example("out/state.json"),
    Input::new(Group::General, "config", Kind::Path,
        "Suite file: YAML, TOML or JSON by its extension (.yml, .yaml, .toml, .json)")
        .otherwise(".faultgate.yml (or .yaml, .toml, .json) if there is one").example("chaos/suite.yml"),
    Input::new(Group::General, "ca-bundle", Kind::Path,
        "File of PEM certificates to trust beside the system's, for servers with a private CA")
        .otherwise("the system's certificates, or those of SSL_CERT_FILE").example("/etc/ssl/corporate.pem"),
    Input::new(Group::General, "rehearsal", LINE,
        "Scenario to rehearse on embedded endpoints instead of the real engine; needs no experiment")
        .example("completed"),
    Input::new(Group::General, "log-format", Kind::Choice(&["text", "json"]),
        "Format of the log on standard error")
        .default("text").example("json"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_and_unique() {
        for (place, input) in INPUTS.iter().enumerate() {
            assert!(input.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", input.name);
            assert!(INPUTS[..place].iter().all(|i| i.name != input.name), "{}", input.name);
        }
    }

    #[test]
    fn every_default_and_example_parses() {
        for input in INPUTS {
            for text in [input.default, input.example].into_iter().flatten() {
                assert!(input.kind.parse(text).is_ok(), "{}: {text}", input.name);
            }
            assert_eq!(input.example.is_none(), input.is_secret(), "{}", input.name);
        }
    }

    #[test]
    fn the_table_stands_in_the_order_of_the_groups() {
        let place = |g: Group| Group::ALL.iter().position(|a| *a == g);
        assert!(INPUTS.is_sorted_by_key(|i| place(i.group)));
    }

    #[test]
    fn exactly_the_contracts_secrets_are_secret() {
        let secrets: Vec<_> = INPUTS.iter().filter(|i| i.is_secret()).map(|i| i.name).collect();
        assert_eq!(
            secrets,
            [
                "aws-id-token",
                "harness-api-key",
                "litmus-token",
                "litmus-password",
                "github-token",
                "gitlab-token",
                "bitbucket-token"
            ]
        );
        assert!(INPUTS.iter().filter(|i| i.is_secret()).all(|i| i.flag().is_none() && !i.in_suite()));
    }

    #[test]
    fn variables_follow_from_the_name() {
        let input = find("experiment-template-id").unwrap();
        assert_eq!(input.variable(), "FAULTGATE_EXPERIMENT_TEMPLATE_ID");
        assert_eq!(input.ci_variables(), ["INPUT_EXPERIMENT-TEMPLATE-ID", "INPUT_EXPERIMENT_TEMPLATE_ID"]);
    }
}
