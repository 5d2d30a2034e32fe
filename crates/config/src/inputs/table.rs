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
            "faultgate runs the FIS experiment template with this id, or several templates.")
            .example("EXT1a2b3c4d5e6f7");
    TIMEOUT: Preset<Duration> = Setting::new(Group::Experiment, "timeout", TIME_LIMIT,
            "faultgate stops an experiment that has not ended this long after its launch.")
            .example("20m").default("30m", Duration::from_mins(30));
    QUEUE_TIMEOUT: Preset<Duration> = Setting::new(Group::Experiment, "queue-timeout", TIME_LIMIT,
            "faultgate gives up an experiment that its engine leaves pending for longer than this.")
            .example("90s").default("5m", Duration::from_mins(5));
    PARALLEL: Preset<u32> = Setting::new(Group::Experiment, "parallel", typed::count(1, 2_000),
            "At most this many experiments run at the same time. FIS has a limit of its own for each account and Region: see max-active.")
            .example("3").default("1", 1_u32);
    MAX_ACTIVE: Preset<u32> = Setting::new(Group::Experiment, "max-active", typed::count(1, 500),
            "At most this many FIS experiments of the run are active at the same time in one account and Region, whatever parallel says. Previews count.")
            .example("3").default("5", 5_u32);
    ONLY: Setting<Only> = Setting::new(Group::Experiment, "only", typed::SOME_EXPERIMENTS,
            "The run takes these experiments of the suite and leaves the others out.")
            .otherwise("all of them").example("az-latency,pod-kill").not_in_suite();
    SHARD: Setting<ShardChoice> = Setting::new(Group::Experiment, "shard", typed::SHARD_OF_SUITE,
            "The run takes this part of the suite, so that several jobs can share the suite. faultgate report --merge makes one gate of all parts.")
            .otherwise("all of them").example("2/5");
    PLAN_RUN: Setting<String> = Setting::new(Group::Experiment, "plan-run", LINE,
            "All jobs of one run have this id in common: the parts of a plan or of a split suite, and their merge. It is needed where the CI gives each job another id. Each use of a plan needs a new one.")
            .otherwise("the id of the CI's run, or of the plan").example("nightly-2026-11-28").not_in_suite();
    DRY_RUN: Preset<bool> = Setting::new(Group::Experiment, "dry-run", FLAG,
            "FIS resolves the targets and injects nothing. The gate then checks only that every target resolves.")
            .example("true").default("false", false);
    PREVIEW: Preset<bool> = Setting::new(Group::Experiment, "preview", FLAG,
            "FIS resolves the targets first, and the experiment is launched only if every target resolves. A policy with limits.targets always asks for a preview.")
            .example("true").default("false", false);
    ENVIRONMENT: Setting<String> = Setting::new(Group::Experiment, "environment", LINE,
            "The experiments act on this environment. FIS experiments carry it as a tag, by which faultgate stop --all finds them.")
            .otherwise("on GitLab that of the job").example("staging");
    AWS_REGION: Setting<String> = Setting::new(Group::Aws, "aws-region", typed::text(Kind::Region),
            "The experiments run in this AWS Region.")
            .otherwise("the SDK's default chain").example("eu-west-1");
    AWS_ROLE_ARN: Setting<String> = Setting::new(Group::Aws, "aws-role-arn", typed::text(Kind::RoleArn),
            "faultgate assumes this role and renews the session while the run lasts. It uses the OpenID token of the CI, or else the SDK's default chain.")
            .otherwise("the SDK's default chain").example("arn:aws:iam::111122223333:role/chaos");
    AWS_ID_TOKEN: SecretInput = SecretInput::new(Group::Aws, "aws-id-token",
            "faultgate assumes roles with this OpenID token. On GitLab, id_tokens sets it.")
            .otherwise("on GitHub the job's own, with id-token: write");
    HARNESS_URL: Preset<String, &str> = Setting::new(Group::Harness, "harness-url", URL,
            "faultgate calls the Harness server at this address.")
            .example("https://harness.example.com").default_text("https://app.harness.io");
    HARNESS_ACCOUNT: Setting<String> = Setting::new(Group::Harness, "harness-account-id", LINE,
            "The experiment belongs to this Harness account.")
            .otherwise("the account that the API key names").example("abcdefghijklmnopqrstuv");
    HARNESS_ORG: Preset<String, &str> = Setting::new(Group::Harness, "harness-org-id", LINE,
            "The experiment belongs to this Harness organisation.")
            .example("platform").default_text("default");
    HARNESS_PROJECT: Setting<String> = Setting::new(Group::Harness, "harness-project-id", LINE,
            "The experiment belongs to this Harness project.")
            .example("shop");
    HARNESS_EXPERIMENT: Setting<String> = Setting::new(Group::Harness, "harness-experiment-id", LONG_LINE,
            "faultgate runs this Harness chaos experiment. Give its id, or the address of its page, which also names account, organisation and project.")
            .example("d7c9d243-0219-4f7c-84c2-3004e59e4505");
    HARNESS_RUNTIME_INPUTS: Setting<String> = Setting::new(Group::Harness, "harness-runtime-inputs", typed::lines(64 * 1024),
            "The experiment gets these runtime inputs. Write one on each line, as NAME=value or TASK.NAME=value.")
            .example("TARGET_NAMESPACE=shop")
            // Runtime inputs may hold secrets, and only a launch needs them.
            .handed_on(HandedOn::Never);
    HARNESS_API_KEY: SecretInput = SecretInput::new(Group::Harness, "harness-api-key",
            "faultgate signs in to Harness with this API key.");
    LITMUS_URL: Setting<String> = Setting::new(Group::Litmus, "litmus-url", URL,
            "faultgate calls the LitmusChaos 3.x control plane at this address.")
            .example("https://litmus.example.com");
    LITMUS_PROJECT: Setting<String> = Setting::new(Group::Litmus, "litmus-project-id", LINE,
            "The experiment belongs to this LitmusChaos project.")
            .example("shop");
    LITMUS_EXPERIMENT: Setting<String> = Setting::new(Group::Litmus, "litmus-experiment-id", LONG_LINE,
            "faultgate runs this LitmusChaos experiment. Give its id, or the address of its page, which also names ChaosCenter and project.")
            .example("pod-kill");
    LITMUS_TOKEN: SecretInput = SecretInput::new(Group::Litmus, "litmus-token",
            "faultgate signs in to LitmusChaos with this API token.");
    LITMUS_USERNAME: Setting<String> = Setting::new(Group::Litmus, "litmus-username", LINE,
            "faultgate logs in to LitmusChaos as this user, with litmus-password, if there is no token.")
            .example("ci");
    LITMUS_PASSWORD: SecretInput = SecretInput::new(Group::Litmus, "litmus-password",
            "This is the password of litmus-username.");
    LITMUS_ORIGIN: Setting<String> = Setting::new(Group::Litmus, "litmus-origin", URL,
            "Requests to LitmusChaos carry this Origin header, which the control plane must accept.")
            .otherwise("the origin of litmus-url").example("https://litmus.example.com")
            // The origin is the content of a header: nothing is sent to it, although it looks like an address.
            .handed_on(HandedOn::Always);
    EXPECTED_SCORE: Preset<Score> = Setting::new(Group::Gate, "expected-resilience-score", SCORE,
            "The gate passes only if the resilience score of the run is at least this high.")
            .example("95").default("100", Score::FULL);
    EACH_SCORE: Setting<Score> = Setting::new(Group::Gate, "each-resilience-score", SCORE,
            "Each experiment that names no score of its own must reach this score. With 0, only the mean of the run decides.")
            .otherwise("expected-resilience-score").example("80");
    COMPARE_TO: Setting<PathBuf> = Setting::new(Group::Gate, "compare-to", FILE_PATH,
            "faultgate compares the run with the earlier run in this result.json. The file may be in report-dir.")
            .example("faultgate-report/result.json");
    MAX_SCORE_DROP: Setting<Score> = Setting::new(Group::Gate, "max-score-drop", SCORE,
            "The gate fails if the resilience score is further below that of compare-to than this many points.")
            .otherwise("any drop passes").example("5");
    ALLOW_EMPTY_TARGETS: Preset<bool> = Setting::new(Group::Gate, "allow-empty-targets", FLAG,
            "faultgate accepts an experiment in which nothing was injected.")
            .example("true").default("false", false);
    REQUIRE_ACTIONS: Preset<RequiredActions> = Setting::new(Group::Gate, "require-actions", typed::REQUIRED_ACTIONS,
            "This says how many of an experiment's injecting actions must complete: any asks for one, all asks for each.")
            .example("all").default("any", RequiredActions::Any);
    MONITOR: Preset<Monitor> = Setting::new(Group::Monitoring, "monitor", typed::MONITOR_MODE,
            "This says how faultgate learns that an experiment has ended: events makes a rule and a queue for the run, queue reads event-queue-url, poll asks the engine.")
            .example("poll").default("events", Monitor::Events);
    EVENT_QUEUE_URL: Setting<String> = Setting::new(Group::Monitoring, "event-queue-url", typed::text(Kind::QueueUrl),
            "faultgate reads events from this SQS queue, which a rule of yours feeds. It also sets monitor to queue, unless you set monitor.")
            .example("https://sqs.eu-west-1.amazonaws.com/111122223333/fis-events");
    RECONCILE_INTERVAL: Preset<Duration> = Setting::new(Group::Monitoring, "reconcile-interval", typed::duration(SECOND, HOUR),
            "faultgate asks the engine this often although it waits for events, because an event can be lost.")
            .example("2m").default("5m", Duration::from_mins(5));
    GITHUB_TOKEN: SecretInput = SecretInput::new(Group::Forge, "github-token",
            "faultgate posts GitHub commit statuses and comments with this token.")
            .otherwise("in the GitHub action the job's own token");
    GITLAB_TOKEN: SecretInput = SecretInput::new(Group::Forge, "gitlab-token",
            "faultgate posts GitLab commit statuses and notes with this token, which needs the scope api.");
    BITBUCKET_TOKEN: SecretInput = SecretInput::new(Group::Forge, "bitbucket-token",
            "faultgate posts Bitbucket build statuses and comments with this token.");
    FORGE: Setting<ForgeKind> = Setting::new(Group::Forge, "forge", typed::FORGE_KIND,
            "The repository is on this forge.")
            .otherwise("detected").example("gitlab");
    FORGE_API_URL: Setting<String> = Setting::new(Group::Forge, "forge-api-url", URL,
            "faultgate calls the API of the forge at this address. You need it only if the API is not at its usual place.")
            .otherwise("detected").example("https://github.example.com/api/v3");
    REPOSITORY: Setting<String> = Setting::new(Group::Forge, "repository", typed::text(Kind::Repository),
            "Statuses and comments go to this repository. Give its full name, or the URL that it is cloned from.")
            .otherwise("detected").example("octo/shop");
    COMMIT: Setting<String> = Setting::new(Group::Forge, "commit", typed::text(Kind::Commit),
            "Statuses go to this commit.")
            .otherwise("detected").example("9fceb02d0ae598e95dc970b74767f19372d61af8");
    PULL_REQUEST: Setting<u64> = Setting::new(Group::Forge, "pull-request", typed::NUMBER,
            "The comment goes to this pull or merge request.")
            .otherwise("detected").example("42");
    RUN_URL: Setting<String> = Setting::new(Group::Forge, "run-url", URL,
            "Statuses and comments link to this page of the pipeline run.")
            .otherwise("detected").example("https://ci.example.com/builds/42");
    COMMIT_STATUS: Preset<CommitStatusMode> = Setting::new(Group::Forge, "commit-status", typed::COMMIT_STATUS_MODE,
            "This says which commit statuses faultgate posts: all, one for each experiment and one for the run; run, the one for the run alone; true, all for up to 20 experiments and run for more; false or off, none.")
            .example("run").default("true", CommitStatusMode::True);
    STATUS_CONTEXT: Preset<String, &str> = Setting::new(Group::Forge, "status-context", typed::text(Kind::Text { max: 100 }),
            "The names of commit statuses begin with this text.")
            .example("chaos").default_text("faultgate");
    MATRIX: Setting<String> = Setting::new(Group::Forge, "matrix", typed::lines(16 * 1024),
            "These values tell this job from the other jobs of its matrix. Give a JSON object or any text. The names of statuses end with them.")
            .otherwise("in the GitHub action the job's own matrix").example("eu-west-1");
    COMMENT: Preset<CommentMode> = Setting::new(Group::Forge, "comment", typed::COMMENT_MODE,
            "faultgate keeps one comment on the pull or merge request up to date: on does so always, on-failure only once the gate has said no.")
            .example("on-failure").default("off", CommentMode::Off);
    COMMENT_ACCOUNTS: Preset<CommentAccounts> = Setting::new(Group::Forge, "comment-accounts", typed::COMMENT_ACCOUNTS,
            "show lets the comment, commit statuses and code insights name ARNs and ids of AWS accounts, and hide leaves them out. auto shows them only where the CI says that the repository is private.")
            .example("hide").default("auto", CommentAccounts::Auto);
    REPORT_DIR: Preset<PathBuf, &str> = Setting::new(Group::Reports, "report-dir", FILE_PATH,
            "faultgate writes its report files to this directory.")
            .example("out/chaos").default_text("faultgate-report");
    REPORTING: Preset<ReportingMode> = Setting::new(Group::Reports, "reporting", typed::REPORTING_MODE,
            "This says what happens if a report cannot be posted: warn keeps the verdict, fail makes the run errored.")
            .example("fail").default("warn", ReportingMode::Warn);
    RESULTS: Setting<S3Address> = Setting::new(Group::Reports, "results", typed::S3_FOLDER,
            "faultgate also puts result.json into this folder in S3, below the id of the CI's run or of the plan. faultgate report --merge reads it there.")
            .example("s3://bucket/chaos/");
    STATE_FILE: Setting<PathBuf> = Setting::new(Group::Reports, "state-file", FILE_PATH,
            "faultgate records in this file what the run has begun. faultgate stop reads it.")
            .otherwise("state.json in report-dir").example("out/state.json");
    CONFIG: Setting<PathBuf> = Setting::new(Group::General, "config", FILE_PATH,
            "faultgate reads the suite from this file. The extension says the format: .yml, .yaml, .toml or .json.")
            .otherwise(".faultgate.yml (or .yaml, .toml, .json) if there is one").example("chaos/suite.yml").not_in_suite().handed_on(HandedOn::Always);
    POLICY: Setting<PathBuf> = Setting::new(Group::General, "policy", FILE_PATH,
            "The run obeys this policy, in which the owners of the platform say what experiments may do. If flag and variable name several policies, all of them hold.")
            .example("/etc/faultgate/policy.yml").not_in_suite();
    CA_BUNDLE: Setting<PathBuf> = Setting::new(Group::General, "ca-bundle", FILE_PATH,
            "faultgate trusts the PEM certificates in this file beside those of the system. Servers with a private CA need it.")
            .otherwise("the system's certificates, or those of SSL_CERT_FILE").example("/etc/ssl/corporate.pem");
    REHEARSAL: Setting<String> = Setting::new(Group::General, "rehearsal", LINE,
            "faultgate rehearses this scenario on endpoints inside the binary and needs no experiment.")
            .example("completed");
    LOG_FORMAT: Preset<LogFormat> = Setting::new(Group::General, "log-format", typed::LOG_FORMATS,
            "Diagnostics on standard error have this format. With json they hold what the plain lines on standard output tell, too.")
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
