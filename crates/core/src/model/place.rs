//! The place of an experiment, as the state file and the record of a plan have it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    CommandLine, CommandSpec, EngineSpec, HarnessProject, HarnessSpec, LitmusProject, LitmusSpec,
    RuntimeInputs,
};

/// The place of an experiment: its engine, and where in it the experiment is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "kebab-case")]
pub enum ExperimentPlace {
    Fis {
        template: String,
        region: Option<String>,
        role_arn: Option<String>,
    },
    Harness {
        url: String,
        account: String,
        org: String,
        project: String,
        experiment: String,
    },
    Litmus {
        url: String,
        project: String,
        origin: Option<String>,
        experiment: String,
    },
    /// A local command. Its command lines are as the settings have them, since the values of variables are
    /// not ours to write down.
    Command {
        run: String,
        stop: Option<String>,
    },
}

impl ExperimentPlace {
    /// Makes the place of an experiment. `engine_region` is the Region of its engine, which counts if the
    /// plan leaves the Region to the SDK.
    pub fn of(spec: &EngineSpec, engine_region: Option<String>) -> Self {
        match spec.clone() {
            EngineSpec::Fis { template, region, role_arn } => {
                Self::Fis { template, region: engine_region.or(region), role_arn }
            }
            EngineSpec::Harness(HarnessSpec { project, experiment, .. }) => {
                let HarnessProject { url, account, org, project } = project;
                Self::Harness { url, account, org, project, experiment }
            }
            EngineSpec::Litmus(LitmusSpec { project, experiment }) => {
                let LitmusProject { url, project, origin } = project;
                Self::Litmus { url, project, origin, experiment }
            }
            EngineSpec::Command(command) => {
                Self::Command { run: command.run.shown, stop: command.stop.map(|stop| stop.shown) }
            }
        }
    }

    /// Returns the URL of the control plane, if the engine has one.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Harness { url, .. } | Self::Litmus { url, .. } => Some(url),
            Self::Fis { .. } | Self::Command { .. } => None,
        }
    }

    /// Returns a specification by which an engine finds the experiment again. Runtime inputs and the
    /// arguments of commands are not known here, so nothing can be launched by it.
    pub fn spec(&self) -> EngineSpec {
        let shown = |shown: &String| CommandLine { args: Vec::new(), shown: shown.clone() };
        match self.clone() {
            Self::Fis { template, region, role_arn } => EngineSpec::Fis { template, region, role_arn },
            Self::Harness { url, account, org, project, experiment } => EngineSpec::Harness(HarnessSpec {
                project: HarnessProject { url, account, org, project },
                experiment,
                runtime_inputs: RuntimeInputs::default(),
            }),
            Self::Litmus { url, project, origin, experiment } => {
                EngineSpec::Litmus(LitmusSpec { project: LitmusProject { url, project, origin }, experiment })
            }
            Self::Command { run, stop } => EngineSpec::Command(CommandSpec {
                run: shown(&run),
                stop: stop.as_ref().map(shown),
                // The file has neither this setting nor the commands' arguments; the usual limit has to do.
                stop_within: std::time::Duration::from_secs(30),
                proof: None,
                dir: None,
                env: BTreeMap::new(),
                journal: None,
                expected_exit_code: 0,
                duration: std::time::Duration::ZERO,
            }),
        }
    }
}
