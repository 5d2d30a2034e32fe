//! The state of a ChaosCenter, and what it does when it is asked, including what it should not do.

use std::collections::{BTreeMap, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::runs::{CenterFault, RunRow, RunStage};
use super::{EXPERIMENT, PASSWORD, PROJECT, TOKEN, USER};

/// The versions of LitmusChaos, which differ in what a stop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CenterVersion {
    /// A version with another API.
    V2_14,
    /// A version without a request to stop a run.
    V3_0,
    V3_20,
    V3_30,
    V3_31,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStanding {
    Valid,
    Expired,
    Revoked,
}

#[derive(Debug, Clone)]
pub struct CenterExperiment {
    pub name: String,
    /// The schedule; "" if the experiment is run on demand.
    pub cron: String,
    /// Name of the infrastructure, and `true` if it is connected.
    pub infra: Option<(String, bool)>,
    pub weights: Vec<(String, i64)>,
    /// The lives of the next runs. Once a single one is left, all further runs lead it.
    pub lives: VecDeque<Vec<RunStage>>,
}

pub struct Center {
    pub version: CenterVersion,
    /// Origins that are allowed.
    pub origins: Vec<String>,
    /// The user's role in the project.
    pub role: String,
    /// The project that a login names.
    pub own_project: String,
    pub tokens: BTreeMap<String, TokenStanding>,
    pub logins: u32,
    pub experiments: BTreeMap<String, CenterExperiment>,
    pub runs: Vec<RunRow>,
    /// `true` if the agent is connected to the server that is asked. Nothing reaches it otherwise.
    pub agent_listens: bool,
    /// Ids of the runs that the agent was told to stop, in order.
    pub told_to_stop: Vec<String>,
    /// Number of reads and lists that do not find a new run yet.
    pub unseen: u32,
    /// Error of the server's clock, in milliseconds.
    pub clock_offset: i64,
}

impl Center {
    pub(super) fn new(version: CenterVersion) -> Self {
        let faults = vec![CenterFault::new("pod-delete", 10, "Pass", "100")];
        let experiment = CenterExperiment {
            name: "shop survives".to_owned(),
            cron: String::new(),
            infra: Some(("staging".to_owned(), true)),
            weights: vec![("pod-delete".to_owned(), 10)],
            lives: VecDeque::from([RunStage::life("Completed", faults)]),
        };
        Self {
            version,
            origins: Vec::new(),
            role: "Executor".to_owned(),
            own_project: "project-of-robot".to_owned(),
            tokens: BTreeMap::from([(TOKEN.to_owned(), TokenStanding::Valid)]),
            logins: 0,
            experiments: BTreeMap::from([(EXPERIMENT.to_owned(), experiment)]),
            runs: Vec::new(),
            agent_listens: true,
            told_to_stop: Vec::new(),
            unseen: 0,
            clock_offset: 0,
        }
    }

    /// Has the experiment's next runs lead these lives, and gives it the weights of their faults.
    pub fn script(&mut self, lives: Vec<Vec<RunStage>>) {
        let experiment = self.experiments.get_mut(EXPERIMENT).unwrap();
        let last = lives.iter().flatten().rev().find_map(|stage| stage.results.as_ref());
        if let Some(faults) = last {
            experiment.weights = faults.iter().map(|fault| (fault.name.clone(), fault.weight)).collect();
        }
        experiment.lives = lives.into();
    }

    pub fn run(&mut self, notify_id: &str) -> &mut RunRow {
        self.runs.iter_mut().find(|run| run.notify_id == notify_id).unwrap()
    }

    /// Has the agent tell something of a run.
    pub fn tell(&mut self, notify_id: &str, stage: RunStage) {
        let now = self.now();
        self.run(notify_id).take(stage, now);
    }

    /// Ends every token so far.
    pub fn end_tokens(&mut self, standing: TokenStanding) {
        for token in self.tokens.values_mut() {
            *token = standing;
        }
    }

    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        i64::try_from(since.as_millis()).unwrap() + self.clock_offset
    }

    pub(super) fn login(&mut self, body: &Value) -> (u16, Value) {
        if body["username"] != USER || body["password"] != PASSWORD {
            let error = json!({ "error": "invalid_credentials", "errorDescription": "Invalid Credentials" });
            return (401, error);
        }
        self.logins += 1;
        let token = format!("{TOKEN}.of-login-{}", self.logins);
        self.tokens.insert(token.clone(), TokenStanding::Valid);
        if self.version == CenterVersion::V2_14 {
            return (200, json!({ "access_token": token, "expires_in": 86400, "type": "Bearer" }));
        }
        let answer = json!({
            "accessToken": token, "projectID": self.own_project, "projectRole": "Owner", "expiresIn": 86400,
            "type": "Bearer",
        });
        (200, answer)
    }

    /// Checks the token and the user's role. Fails with the server's words.
    pub(super) fn permit(&self, token: &str, project: &str, roles: &[&str]) -> Result<(), String> {
        let denied = match self.tokens.get(token) {
            Some(TokenStanding::Valid) if project != PROJECT || !roles.contains(&self.role.as_str()) => {
                "auth gRPC - Unauthorized"
            }
            Some(TokenStanding::Valid) => return Ok(()),
            Some(TokenStanding::Expired) => "Token is expired",
            Some(TokenStanding::Revoked) => "token revoked",
            None => "signature is invalid",
        };
        Err(format!("permission_denied: rpc error: code = Unknown desc = {denied}"))
    }

    /// Answers a field of `Query` or `Mutation`.
    pub(super) fn resolve(&mut self, token: &str, field: &str, asked: &Value) -> Result<Value, String> {
        let roles: &[&str] = match field {
            "runChaosExperiment" | "stopExperimentRuns" => &["Owner", "Executor"],
            _ => &["Owner", "Executor", "Viewer"],
        };
        self.permit(token, text(asked, "projectID"), roles)?;
        match field {
            "listExperiment" => Ok(self.list_experiment(&asked["request"])),
            "runChaosExperiment" => self.run_chaos_experiment(text(asked, "experimentID")),
            "getExperimentRun" => self.get_experiment_run(asked),
            "listExperimentRun" => Ok(self.list_experiment_run(&asked["request"])),
            "stopExperimentRuns" => self.stop_experiment_runs(asked),
            other => Err(format!("{other} is not implemented")),
        }
    }

    fn list_experiment(&self, request: &Value) -> Value {
        let wanted = texts(&request["experimentIDs"]);
        let found =
            self.experiments.iter().filter(|(id, _)| wanted.is_empty() || wanted.contains(&id.as_str()));
        let limit = request["pagination"]["limit"].as_u64().unwrap_or(15);
        let experiments: Vec<Value> = found
            .take(usize::try_from(limit).unwrap())
            .map(|(id, experiment)| {
                let infra = experiment.infra.as_ref().map(|(name, active)| {
                    // The real server never fills in `isInfraConfirmed` here.
                    json!({ "infraID": "infra-1", "name": name, "isActive": active, "isInfraConfirmed": false })
                });
                let kind = if experiment.cron.is_empty() { "experiment" } else { "cronexperiment" };
                json!({
                    "experimentID": id, "name": experiment.name, "experimentType": kind,
                    "cronSyntax": experiment.cron, "infra": infra,
                })
            })
            .collect();
        json!({ "totalNoOfExperiments": experiments.len(), "experiments": experiments })
    }

    fn run_chaos_experiment(&mut self, id: &str) -> Result<Value, String> {
        let now = self.now();
        let experiment = self
            .experiments
            .get_mut(id)
            .ok_or("could not get experiment run, error: mongo: no documents in result")?;
        if !experiment.infra.as_ref().is_some_and(|(_, active)| *active) {
            return Err("experiment re-run failed due to inactive infra".to_owned());
        }
        if !experiment.cron.is_empty() {
            return Ok(json!({ "notifyID": "" }));
        }
        let life = match experiment.lives.len() {
            0 | 1 => experiment.lives.front().cloned().unwrap_or_default(),
            _ => experiment.lives.pop_front().unwrap(),
        };
        let notify_id = format!("notify-{}", self.runs.len() + 1);
        self.runs.push(RunRow {
            experiment: id.to_owned(),
            notify_id: notify_id.clone(),
            run_id: String::new(),
            phase: "Queued".to_owned(),
            completed: false,
            created_at: now,
            updated_at: now,
            weights: experiment.weights.clone(),
            results: None,
            // A message to an agent that does not listen is lost.
            ahead: if self.agent_listens { life.into() } else { VecDeque::new() },
            unseen: self.unseen,
        });
        Ok(json!({ "notifyID": notify_id }))
    }

    fn get_experiment_run(&mut self, asked: &Value) -> Result<Value, String> {
        let now = self.now();
        if asked["experimentRunID"].is_null() && asked["notifyID"].is_null() {
            return Err("experimentRunID or notifyID not provided".to_owned());
        }
        // The server does not look at an empty id, so two of them find the first run.
        let fits = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        let found = self.runs.iter_mut().find(|run| {
            fits(text(asked, "experimentRunID"), &run.run_id) && fits(text(asked, "notifyID"), &run.notify_id)
        });
        let run = found.ok_or("no matching experiment run")?;
        if run.unseen > 0 {
            run.unseen -= 1;
            return Err("no matching experiment run".to_owned());
        }
        run.step(now);
        Ok(run.answer(PROJECT, false))
    }

    fn list_experiment_run(&mut self, request: &Value) -> Value {
        let (runs, experiments) = (texts(&request["experimentRunIDs"]), texts(&request["experimentIDs"]));
        let fits = |wanted: &[&str], is: &str| wanted.is_empty() || wanted.contains(&is);
        let mut found: Vec<&mut RunRow> = self
            .runs
            .iter_mut()
            .filter(|run| fits(&runs, &run.run_id) && fits(&experiments, &run.experiment))
            .collect();
        let all = found.len();
        if request["sort"]["ascending"] != true {
            found.reverse();
        }
        let page = |name: &str| usize::try_from(request["pagination"][name].as_u64().unwrap()).unwrap();
        let (skip, take) = if request["pagination"].is_null() {
            (0, 15)
        } else {
            (page("page") * page("limit"), page("limit"))
        };
        let mut listed = Vec::new();
        for run in found.into_iter().skip(skip).take(take) {
            match run.unseen.checked_sub(1) {
                Some(left) => run.unseen = left,
                None => listed.push(run.answer(PROJECT, true)),
            }
        }
        json!({ "totalNoOfExperimentRuns": all, "experimentRuns": listed })
    }

    fn stop_experiment_runs(&mut self, asked: &Value) -> Result<Value, String> {
        let (now, version) = (self.now(), self.version);
        let (run_id, notify_id) = (text(asked, "experimentRunID"), text(asked, "notifyID"));
        let notify_id = if version < CenterVersion::V3_31 { "" } else { notify_id };
        let stoppable: &[&str] = if version < CenterVersion::V3_31 {
            &["Running", "Timeout"]
        } else {
            &["Running", "Timeout", "Queued"]
        };
        let agent_listens = self.agent_listens;
        let mut stopped = 0;
        for run in self.runs.iter_mut().filter(|run| run.experiment == text(asked, "experimentID")) {
            let meant = match (run_id, notify_id) {
                ("", "") => stoppable.contains(&run.phase.as_str()) && !run.completed,
                ("", notify_id) => run.notify_id == notify_id,
                (run_id, _) => run.run_id == run_id,
            };
            if !meant {
                continue;
            }
            stopped += 1;
            if agent_listens && !run.run_id.is_empty() {
                self.told_to_stop.push(run.run_id.clone());
                run.ahead =
                    VecDeque::from([RunStage::going("Running"), RunStage::over("Stopped", Vec::new())]);
            }
            // Versions from 3.30 on overwrite even a result, and drop what the agent tells later.
            if version >= CenterVersion::V3_30 {
                "Stopped".clone_into(&mut run.phase);
                run.completed = true;
                run.updated_at = now;
            }
        }
        if stopped == 0 && run_id.is_empty() && notify_id.is_empty() {
            return Err("no running or timeout experiments found".to_owned());
        }
        Ok(json!(true))
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
