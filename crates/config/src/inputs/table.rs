//! The table of the inputs, each of which is defined once.
//!
//! The flags, the variables, the keys of a suite and the reference are all made from this table, and the
//! handles by which values are read are the rows of it.

use std::path::PathBuf;
use std::time::Duration;

use faultgate_core::model::{ForgeKind, Monitor, Score};
use faultgate_net::aws::s3::S3Address;

use super::choices::{
    CommentAccounts, CommentMode, CommitStatusMode, LogFormat, Only, ReportingMode, RequiredActions,
    ShardChoice,
};
use super::input::{Group, HandedOn, Input, Preset, SecretInput, Setting};
use super::kind::Kind;
use super::typed::{self, FILE_PATH, FLAG, LINE, LONG_LINE, SCORE, TEMPLATE_IDS, Typed, URL};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const HALF_A_DAY: Duration = Duration::from_hours(12);
/// The kind of `timeout` and `queue-timeout`, for a run and for one experiment.
pub(crate) const TIME_LIMIT: Typed<Duration> = typed::duration(SECOND, HALF_A_DAY);

/// Makes a handle of each row, and the list of all inputs. A handle that nobody reads by is unused, which the
/// compiler tells.
macro_rules! inputs {
    ($($name:ident: $type:ty = $handle:expr;)*) => {
        $(pub(crate) const $name: $type = $handle;)*

        /// All inputs, in the order of the reference. They are a contract with the users: names do not change.
        pub const INPUTS: &[Input] = &[$($handle.input()),*];

        /// The inputs whose default differs from what its text stands for.
        #[cfg(test)]
        fn disagreeing() -> Vec<&'static str> {
            use super::input::tests::Agreement as _;
            let all = [$(($handle.input().name, $handle.agrees())),*];
            all.into_iter().filter(|(_, agrees)| !agrees).map(|(name, _)| name).collect()
        }
    };
}

inputs! {
    TEMPLATES: Setting<Vec<String>> = Setting::new(Group::Experiment, "experiment-template-id", TEMPLATE_IDS,
            "FIS experiment template to run, or several")
            .example("EXT1a2b3c4d5e6f7");
    TIMEOUT: Preset<Duration> = Setting::new(Group::Experiment, "timeout", TIME_LIMIT,
            "Longest time from launch to end for one experiment; past it the experiment is stopped")
            .example("20m").default("30m", Duration::from_mins(30));
    QUEUE_TIMEOUT: Preset<Duration> = Setting::new(Group::Experiment, "queue-timeout", TIME_LIMIT,
            "Longest time an engine may leave an experiment pending")
            .example("90s").default("5m", Duration::from_mins(5));
    PARALLEL: Preset<u32> = Setting::new(Group::Experiment, "parallel", typed::count(1, 2_000),
            "Experiments at once; FIS has a quota of active experiments for each account and Region")
            .example("3").default("1", 1_u32);
    MAX_ACTIVE: Preset<u32> = Setting::new(Group::Experiment, "max-active", typed::count(1, 500),
            "FIS experiments of this run at once in one account and Region, whatever parallel says; previews count")
            .example("3").default("5", 5_u32);
    ONLY: Setting<Only> = Setting::new(Group::Experiment, "only", typed::SOME_EXPERIMENTS,
            "Experiments of the suite to run, where the others are left out")
            .otherwise("all of them").example("az-latency,pod-kill").not_in_suite();
    SHARD: Setting<ShardChoice> = Setting::new(Group::Experiment, "shard", typed::SHARD_OF_SUITE,
            "Part of the experiments to run, where a suite is split over jobs; faultgate report --merge makes one gate of them")
            .otherwise("all of them").example("2/5");
    DRY_RUN: Preset<bool> = Setting::new(Group::Experiment, "dry-run", FLAG,
            "FIS target preview: nothing is injected, the gate only checks that targets resolve")
            .example("true").default("false", false);
    PREVIEW: Preset<bool> = Setting::new(Group::Experiment, "preview", FLAG,
            "FIS target preview before the launch: nothing is launched unless each target resolves; a policy with limits.targets makes one in any case")
            .example("true").default("false", false);
    ENVIRONMENT: Setting<String> = Setting::new(Group::Experiment, "environment", LINE,
            "Environment that the experiments act on, such as staging: a tag of FIS experiments, by which faultgate stop --all finds them")
            .otherwise("on GitLab that of the job").example("staging");
    AWS_REGION: Setting<String> = Setting::new(Group::Aws, "aws-region", typed::text(Kind::Region),
            "AWS Region of the experiments")
            .otherwise("the SDK's default chain").example("eu-west-1");
    AWS_ROLE_ARN: Setting<String> = Setting::new(Group::Aws, "aws-role-arn", typed::text(Kind::RoleArn),
            "Role to assume, by the CI's own OpenID token or else by the SDK's default chain; renewed while the run lasts")
            .otherwise("the SDK's default chain").example("arn:aws:iam::111122223333:role/chaos");
    AWS_ID_TOKEN: SecretInput = SecretInput::new(Group::Aws, "aws-id-token",
            "OpenID token by which roles are assumed: GitLab's id_tokens puts one there")
            .otherwise("on GitHub the job's own, with id-token: write");
    HARNESS_URL: Preset<String, &str> = Setting::new(Group::Harness, "harness-url", URL,
            "Harness to talk to")
            .example("https://harness.example.com").default_text("https://app.harness.io");
    HARNESS_ACCOUNT: Setting<String> = Setting::new(Group::Harness, "harness-account-id", LINE,
            "Harness account")
            .otherwise("the account that the API key names").example("abcdefghijklmnopqrstuv");
    HARNESS_ORG: Preset<String, &str> = Setting::new(Group::Harness, "harness-org-id", LINE,
            "Harness organisation")
            .example("platform").default_text("default");
    HARNESS_PROJECT: Setting<String> = Setting::new(Group::Harness, "harness-project-id", LINE,
            "Harness project")
            .example("shop");
    HARNESS_EXPERIMENT: Setting<String> = Setting::new(Group::Harness, "harness-experiment-id", LONG_LINE,
            "Harness chaos experiment to run: its id, or the address of its page, which names account, organisation and project")
            .example("d7c9d243-0219-4f7c-84c2-3004e59e4505");
    HARNESS_RUNTIME_INPUTS: Setting<String> = Setting::new(Group::Harness, "harness-runtime-inputs", typed::lines(64 * 1024),
            "Runtime inputs of the experiment, one on each line: NAME=value, or TASK.NAME=value")
            .example("TARGET_NAMESPACE=shop")
            // Runtime inputs may hold secrets, and only a launch needs them.
            .handed_on(HandedOn::Never);
    HARNESS_API_KEY: SecretInput = SecretInput::new(Group::Harness, "harness-api-key",
            "Harness API key");
    LITMUS_URL: Setting<String> = Setting::new(Group::Litmus, "litmus-url", URL,
            "LitmusChaos 3.x control plane to talk to")
            .example("https://litmus.example.com");
    LITMUS_PROJECT: Setting<String> = Setting::new(Group::Litmus, "litmus-project-id", LINE,
            "LitmusChaos project")
            .example("shop");
    LITMUS_EXPERIMENT: Setting<String> = Setting::new(Group::Litmus, "litmus-experiment-id", LONG_LINE,
            "LitmusChaos experiment to run: its id, or the address of its page, which names ChaosCenter and project")
            .example("pod-kill");
    LITMUS_TOKEN: SecretInput = SecretInput::new(Group::Litmus, "litmus-token",
            "LitmusChaos API token");
    LITMUS_USERNAME: Setting<String> = Setting::new(Group::Litmus, "litmus-username", LINE,
            "LitmusChaos user to log in as, with litmus-password, where there is no token")
            .example("ci");
    LITMUS_PASSWORD: SecretInput = SecretInput::new(Group::Litmus, "litmus-password",
            "Password of litmus-username");
    LITMUS_ORIGIN: Setting<String> = Setting::new(Group::Litmus, "litmus-origin", URL,
            "Origin header that the LitmusChaos control plane accepts")
            .otherwise("the origin of litmus-url").example("https://litmus.example.com")
            // The origin is the content of a header: nothing is sent to it, although it looks like an address.
            .handed_on(HandedOn::Always);
    EXPECTED_SCORE: Preset<Score> = Setting::new(Group::Gate, "expected-resilience-score", SCORE,
            "Lowest resilience score that passes the gate")
            .example("95").default("100", Score::FULL);
    EACH_SCORE: Setting<Score> = Setting::new(Group::Gate, "each-resilience-score", SCORE,
            "Lowest resilience score of each experiment that names none of its own; 0 lets the mean alone decide")
            .otherwise("expected-resilience-score").example("80");
    COMPARE_TO: Setting<PathBuf> = Setting::new(Group::Gate, "compare-to", FILE_PATH,
            "The result.json of an earlier run, to compare with; it may be in report-dir")
            .example("faultgate-report/result.json");
    MAX_SCORE_DROP: Setting<Score> = Setting::new(Group::Gate, "max-score-drop", SCORE,
            "How far the resilience score may lie below that of compare-to")
            .otherwise("any drop passes").example("5");
    ALLOW_EMPTY_TARGETS: Preset<bool> = Setting::new(Group::Gate, "allow-empty-targets", FLAG,
            "Accept an experiment in which nothing was injected")
            .example("true").default("false", false);
    REQUIRE_ACTIONS: Preset<RequiredActions> = Setting::new(Group::Gate, "require-actions", typed::REQUIRED_ACTIONS,
            "How many of an experiment's actions that inject must have completed: one, or each")
            .example("all").default("any", RequiredActions::Any);
    MONITOR: Preset<Monitor> = Setting::new(Group::Monitoring, "monitor", typed::MONITOR_MODE,
            "How the end is learned: by a rule and queue of the run's own, from event-queue-url, or by asking")
            .example("poll").default("events", Monitor::Events);
    EVENT_QUEUE_URL: Setting<String> = Setting::new(Group::Monitoring, "event-queue-url", typed::text(Kind::QueueUrl),
            "SQS queue that a rule of yours already feeds; where monitor is not set, this sets it to queue")
            .example("https://sqs.eu-west-1.amazonaws.com/111122223333/fis-events");
    RECONCILE_INTERVAL: Preset<Duration> = Setting::new(Group::Monitoring, "reconcile-interval", typed::duration(SECOND, HOUR),
            "How often the engine is asked although events are expected, since their delivery is best effort")
            .example("2m").default("5m", Duration::from_mins(5));
    GITHUB_TOKEN: SecretInput = SecretInput::new(Group::Forge, "github-token",
            "Token for GitHub commit statuses and comments")
            .otherwise("in the GitHub action the job's own token");
    GITLAB_TOKEN: SecretInput = SecretInput::new(Group::Forge, "gitlab-token",
            "Token for GitLab commit statuses and notes, with scope api");
    BITBUCKET_TOKEN: SecretInput = SecretInput::new(Group::Forge, "bitbucket-token",
            "Token for Bitbucket build statuses and comments");
    FORGE: Setting<ForgeKind> = Setting::new(Group::Forge, "forge", typed::FORGE_KIND,
            "Where the repository is")
            .otherwise("detected").example("gitlab");
    FORGE_API_URL: Setting<String> = Setting::new(Group::Forge, "forge-api-url", URL,
            "API of the forge, where it is not at the usual place")
            .otherwise("detected").example("https://github.example.com/api/v3");
    REPOSITORY: Setting<String> = Setting::new(Group::Forge, "repository", LINE,
            "Repository to report to: its full name, or the URL it is cloned from")
            .otherwise("detected").example("octo/shop");
    COMMIT: Setting<String> = Setting::new(Group::Forge, "commit", typed::text(Kind::Commit),
            "Commit to report to")
            .otherwise("detected").example("9fceb02d0ae598e95dc970b74767f19372d61af8");
    PULL_REQUEST: Setting<u64> = Setting::new(Group::Forge, "pull-request", typed::NUMBER,
            "Pull or merge request to comment on")
            .otherwise("detected").example("42");
    RUN_URL: Setting<String> = Setting::new(Group::Forge, "run-url", URL,
            "Page of the pipeline's run, to which statuses and comments link")
            .otherwise("detected").example("https://ci.example.com/builds/42");
    COMMIT_STATUS: Preset<CommitStatusMode> = Setting::new(Group::Forge, "commit-status", typed::COMMIT_STATUS_MODE,
            "Commit statuses to post: all, one for each experiment and one for the run; run, that one alone; true, all of up to 20 experiments and run of more; false or off, none")
            .example("run").default("true", CommitStatusMode::True);
    STATUS_CONTEXT: Preset<String, &str> = Setting::new(Group::Forge, "status-context", typed::text(Kind::Text { max: 100 }),
            "Prefix of the names of commit statuses")
            .example("chaos").default_text("faultgate");
    MATRIX: Setting<String> = Setting::new(Group::Forge, "matrix", typed::lines(16 * 1024),
            "Values of the matrix that tell this job from its siblings: a JSON object, or any text; names of statuses end with them")
            .otherwise("in the GitHub action the job's own matrix").example("eu-west-1");
    COMMENT: Preset<CommentMode> = Setting::new(Group::Forge, "comment", typed::COMMENT_MODE,
            "One comment on the pull or merge request, updated in place")
            .example("on-failure").default("off", CommentMode::Off);
    COMMENT_ACCOUNTS: Preset<CommentAccounts> = Setting::new(Group::Forge, "comment-accounts", typed::COMMENT_ACCOUNTS,
            "Whether a comment shows ARNs and ids of AWS accounts; auto shows them only where the CI says that the repository is private")
            .example("hide").default("auto", CommentAccounts::Auto);
    REPORT_DIR: Preset<PathBuf, &str> = Setting::new(Group::Reports, "report-dir", FILE_PATH,
            "Directory for report files")
            .example("out/chaos").default_text("faultgate-report");
    REPORTING: Preset<ReportingMode> = Setting::new(Group::Reports, "reporting", typed::REPORTING_MODE,
            "Whether a report that could not be posted fails the run")
            .example("fail").default("warn", ReportingMode::Warn);
    RESULTS: Setting<S3Address> = Setting::new(Group::Reports, "results", typed::S3_FOLDER,
            "Folder in S3 to which result.json is put as well, in a folder of the CI's run or of the plan; faultgate report --merge takes it")
            .example("s3://bucket/chaos/");
    STATE_FILE: Setting<PathBuf> = Setting::new(Group::Reports, "state-file", FILE_PATH,
            "File by which faultgate stop knows what the run has begun")
            .otherwise("state.json in report-dir").example("out/state.json");
    CONFIG: Setting<PathBuf> = Setting::new(Group::General, "config", FILE_PATH,
            "Suite file: YAML, TOML or JSON by its extension (.yml, .yaml, .toml, .json)")
            .otherwise(".faultgate.yml (or .yaml, .toml, .json) if there is one").example("chaos/suite.yml").not_in_suite().handed_on(HandedOn::Always);
    POLICY: Setting<PathBuf> = Setting::new(Group::General, "policy", FILE_PATH,
            "Policy of those who own the platform: what experiments may do; where flag and variables name several, all of them hold")
            .example("/etc/faultgate/policy.yml").not_in_suite();
    CA_BUNDLE: Setting<PathBuf> = Setting::new(Group::General, "ca-bundle", FILE_PATH,
            "File of PEM certificates to trust beside the system's, for servers with a private CA")
            .otherwise("the system's certificates, or those of SSL_CERT_FILE").example("/etc/ssl/corporate.pem");
    REHEARSAL: Setting<String> = Setting::new(Group::General, "rehearsal", LINE,
            "Scenario to rehearse on embedded endpoints instead of the real engine; needs no experiment")
            .example("completed");
    LOG_FORMAT: Preset<LogFormat> = Setting::new(Group::General, "log-format", typed::LOG_FORMATS,
            "Format of the log on standard error")
            .example("json").default("text", LogFormat::Text);
}

/// The input of this name, if there is one.
pub(crate) fn find(name: &str) -> Option<&'static Input> {
    INPUTS.iter().find(|i| i.name == name)
}

/// `true` for a variable that holds a secret of faultgate, in any of the variable's forms.
pub(crate) fn is_secret_variable(name: &str) -> bool {
    INPUTS.iter().filter(|i| i.is_secret()).any(|input| {
        name.eq_ignore_ascii_case(&input.variable())
            || input.ci_variables().iter().any(|form| name.eq_ignore_ascii_case(form))
    })
}

/// The keys of the table `gate` in a suite, each with the input that it sets.
pub(crate) const GATE: &[(&str, Input)] = &[
    (EXPECTED_SCORE.name(), EXPECTED_SCORE.input()),
    ("each", EACH_SCORE.input()),
    (COMPARE_TO.name(), COMPARE_TO.input()),
    (MAX_SCORE_DROP.name(), MAX_SCORE_DROP.input()),
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
    fn a_default_is_the_value_that_its_text_stands_for() {
        assert_eq!(disagreeing(), [""; 0]);
    }

    #[test]
    fn every_form_of_a_secret_variable_is_known() {
        for name in
            ["FAULTGATE_GITHUB_TOKEN", "INPUT_GITHUB-TOKEN", "INPUT_GITHUB_TOKEN", "input_github_token"]
        {
            assert!(is_secret_variable(name), "{name}");
        }
        assert!(!is_secret_variable("FAULTGATE_TIMEOUT"));
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
