//! Fuzz targets of answers: control planes and forges that answer anything.

use std::sync::Mutex;
use std::time::Duration;

use faultgate_core::model::ForgeKind;
use faultgate_core::model::{
    EngineSpec, ExperimentPlan, HarnessProject, HarnessSpec, LitmusProject, LitmusSpec, RuntimeInputs,
};
use faultgate_core::secret::Secret;
use faultgate_engines::control_plane::Manager;
use faultgate_engines::control_plane::harness::Harness;
use faultgate_engines::control_plane::litmus::{Litmus, LitmusCredentials};
use faultgate_report::forge::{CommitStatus, PullRequest, Site, StatusState, Subject, connect};
use faultgate_testkit::plans;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::runner::fuzz;

/// A server that answers each request by one input, with statuses in turn.
struct Babble(Mutex<(Vec<u8>, usize)>);

const STATUSES: [u16; 8] = [200, 200, 200, 201, 400, 403, 404, 429];

impl Respond for &'static Babble {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let mut kept = self.0.lock().unwrap();
        kept.1 += 1;
        let status = if kept.1.is_multiple_of(3) { STATUSES[kept.0.len() % STATUSES.len()] } else { 200 };
        ResponseTemplate::new(status).set_body_raw(kept.0.clone(), "application/json")
    }
}

async fn babbling() -> (MockServer, &'static Babble) {
    let babble: &'static Babble = Box::leak(Box::new(Babble(Mutex::default())));
    let server = MockServer::builder().disable_request_recording().start().await;
    Mock::given(any()).respond_with(babble).mount(&server).await;
    (server, babble)
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

fn plan(spec: EngineSpec) -> ExperimentPlan {
    ExperimentPlan { timeout: Duration::from_mins(1), ..plans::experiment("chaos", spec) }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Asks a manager everything that a run may ask, whatever it answers. Returns the answers in words.
async fn asked(manager: &dyn Manager, plan: &ExperimentPlan) -> String {
    let found = manager.check(&[plan]).await.len();
    match manager.launch(plan).await {
        Ok(run) => {
            let read = manager.read(std::slice::from_ref(&run)).await;
            format!("{found} {:?} {:?}", read.len(), manager.stop(&run).await.is_ok())
        }
        Err(trouble) => format!("{found} {trouble:?}"),
    }
}

#[test]
fn control_plane() {
    let runtime = runtime();
    let (server, babble) = runtime.block_on(babbling());
    let url = server.uri();
    let http = client();
    fuzz("control-plane", 300, |case| {
        *babble.0.lock().unwrap() = (case.bytes.clone(), 0);
        runtime.block_on(async {
            let text = str::to_owned;
            let project = HarnessProject {
                url: url.clone(),
                account: text("a"),
                org: text("default"),
                project: text("p"),
            };
            let harness = Harness::new(project.clone(), Secret::new("sat.a.b.c"), http.clone());
            let inputs = RuntimeInputs::default();
            let spec = HarnessSpec { project, experiment: text("E"), runtime_inputs: inputs };
            let one = asked(&harness, &plan(EngineSpec::Harness(spec))).await;
            let project = LitmusProject { url: url.clone(), project: text("p"), origin: None };
            let login = LitmusCredentials::Login { username: text("ci"), password: Secret::new("password") };
            let litmus = Litmus::new(project.clone(), login, http.clone());
            let other =
                asked(&litmus, &plan(EngineSpec::Litmus(LitmusSpec { project, experiment: text("E") })))
                    .await;
            one + &other
        })
    });
}

#[test]
fn forge() {
    let runtime = runtime();
    let (server, babble) = runtime.block_on(babbling());
    let url = server.uri();
    let http = client();
    let kinds = [ForgeKind::GitHub, ForgeKind::GitLab, ForgeKind::Gitea, ForgeKind::Bitbucket];
    fuzz("forge", 300, |case| {
        *babble.0.lock().unwrap() = (case.bytes.clone(), 0);
        let kind = kinds[case.bytes.len() % kinds.len()];
        let subject = Subject {
            site: Site { kind, api_url: url.clone() },
            repository: "shop/web".to_owned(),
            commit: None,
            pull_request: Some(PullRequest { number: 7, repository: None }),
            fork: None,
            pipeline: None,
        };
        runtime.block_on(async {
            let forge = connect(subject, Some(&Secret::new("t0ken")), http.clone(), None).unwrap();
            let status = CommitStatus {
                context: "faultgate/az".to_owned(),
                state: StatusState::Success,
                description: "d".to_owned(),
                target_url: None,
            };
            let set = forge.set_status(&status).await;
            let found = forge.find_comment("<!-- k -->").await;
            let made = forge.create_comment("text").await;
            let why = |refusal: &faultgate_report::forge::ForgeFailure| format!("{:?}", refusal.kind.again);
            format!(
                "{kind:?} {:?} {:?} {:?}",
                set.as_ref().map_err(why),
                found.as_ref().map(Option::is_some).map_err(why),
                made.as_ref().map_err(why)
            )
        })
    });
}
