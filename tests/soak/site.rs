//! The site at which the binary runs: an account and a forge of its own, behind a gate.

use faultgate_rehearsal::TEMPLATE_ID;
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::Faultgate;
use faultgate_testkit::forges::{ForgeStandIn, GitHubManners, GitLabManners, HEAD, TOKEN};
use faultgate_testkit::lives::{ENDLESS, IN, QUICK};

use crate::gate::{Gate, Moment, Nth};

/// The stories whose every step is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Story {
    /// The experiment completes; told to GitHub.
    Completes,
    /// The experiment runs until it is stopped, by its timeout if by nobody else; told to GitLab.
    RunsOn,
    /// The experiment is previewed, and then halted by a probe; told to GitHub.
    Halted,
}

impl Story {
    pub(crate) const ALL: [Self; 3] = [Self::Completes, Self::RunsOn, Self::Halted];

    /// The exit code of a run that nobody disturbs.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Completes => 0,
            Self::RunsOn => 4,
            Self::Halted => 1,
        }
    }
}

pub(crate) struct Site {
    pub(crate) story: Story,
    pub(crate) account: EmbeddedAccount,
    pub(crate) forge: ForgeStandIn,
    pub(crate) gate: Gate,
}

impl Site {
    pub(crate) async fn of(story: Story, hold: Option<(Nth, Moment)>) -> Self {
        let (account, forge) = match story {
            Story::Completes => (EmbeddedAccount::living(QUICK).await, github().await),
            Story::RunsOn => {
                let gitlab = GitLabManners { commit: HEAD, git_ref: "main" };
                (EmbeddedAccount::living(ENDLESS).await, ForgeStandIn::start(gitlab).await)
            }
            Story::Halted => (EmbeddedAccount::living(IN).await, github().await),
        };
        account.world.set_stopping(std::time::Duration::from_millis(20));
        let gate = Gate::before(account.world.clone(), &forge.url(""), hold);
        Self { story, account, forge, gate }
    }

    /// Returns a run as a job of a pipeline starts it.
    pub(crate) fn run(&self) -> Faultgate {
        let run = self.account.faultgate(&["run"]).env("AWS_ENDPOINT_URL", self.gate.aws()).env("CI", "true");
        let run = match self.story {
            Story::Completes | Story::RunsOn => run.env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID),
            Story::Halted => run.file(".faultgate.yml", &halting_suite()).env("FAULTGATE_PREVIEW", "true"),
        };
        match self.story {
            Story::Completes | Story::Halted => run
                .in_github("1")
                .env("GITHUB_API_URL", self.gate.forge())
                .env("GITHUB_EVENT_NAME", "push")
                .env("FAULTGATE_GITHUB_TOKEN", TOKEN),
            Story::RunsOn => run
                .env("GITLAB_CI", "true")
                .env("CI_API_V4_URL", format!("{}/api/v4", self.gate.forge()))
                .env("CI_SERVER_URL", self.gate.forge())
                .env("CI_PROJECT_ID", "278964")
                .env("CI_PROJECT_PATH", "shop/web")
                .env("CI_PIPELINE_ID", "5150")
                .env("CI_JOB_ID", "42")
                .env("CI_JOB_NAME", "chaos")
                .env("CI_JOB_URL", "https://gitlab.example.com/shop/web/-/jobs/42")
                .env("CI_COMMIT_SHA", HEAD)
                .env("CI_COMMIT_REF_NAME", "main")
                .env("FAULTGATE_GITLAB_TOKEN", TOKEN)
                .env("FAULTGATE_TIMEOUT", "1s"),
        }
    }

    /// Returns the command that ends all that a killed run has left, by its state file.
    pub(crate) fn stop(&self) -> Faultgate {
        self.account.faultgate(&["stop"]).env("AWS_ENDPOINT_URL", self.gate.aws())
    }

    /// Returns the command that needs no state file, when the run's time is over.
    pub(crate) fn sweep(&self) -> Faultgate {
        self.account.world.tag_anew("faultgate:expires-at", "2026-01-01T00:00:00Z");
        let sweep = self.account.faultgate(&["sweep", "--stop-experiments"]);
        sweep.env("AWS_ENDPOINT_URL", self.gate.aws())
    }

    /// Returns the command that stops everything of ours, whoever began it. It leaves subscriptions to a sweep.
    pub(crate) fn stop_all(&self) -> Faultgate {
        self.account.faultgate(&["stop", "--all"]).env("AWS_ENDPOINT_URL", self.gate.aws())
    }

    /// Returns every request that an undisturbed run makes, in the order of arrival.
    pub(crate) async fn record(story: Story) -> Vec<Nth> {
        let site = Self::of(story, None).await;
        let ended = site.run().finish().await;
        ended.assert_code(story.code(), "undisturbed");
        site.account.assert_nothing_left("undisturbed");
        site.forge.assert_no_faults();
        site.gate.passed().into_iter().map(|passed| passed.request).collect()
    }
}

async fn github() -> ForgeStandIn {
    ForgeStandIn::start(GitHubManners { base: "", scheme: "Bearer ", repository: "shop/web" }).await
}

/// Returns a suite whose probe fails, and stops the experiment.
fn halting_suite() -> String {
    format!(
        "version: 1\nexperiments:\n  - name: shop\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n      \
         - {{ name: checkout, tcp: {{ address: '127.0.0.1:1' }}, every: 100ms, aborts-after: 2 }}\n"
    )
}

/// Returns a script whose runs are of the account's template.
pub(crate) fn job(account: &EmbeddedAccount, script: &str) -> Faultgate {
    Faultgate::job(script)
        .env("AWS_ENDPOINT_URL", account.url())
        .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
        .env("AWS_REGION", "us-east-1")
        .env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID)
}
