//! The peers of a plan and of a merge: what a pipeline without faultgate has, a script in Python. They read and write as
//! much, and judge nothing.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Expands the suite into one line of JSON for each experiment.
const PLAN: &str = "
import json, sys, yaml
loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
for one in yaml.load(open('.faultgate.yml'), loader)['experiments']:
    print(json.dumps({'experiment': one['name'], **one['fis']}))
";
/// Puts all results of a folder together.
const MERGE: &str = "
import json, os
parts = [json.load(open(os.path.join('parts', name))) for name in sorted(os.listdir('parts'))]
merged = {**parts[0], 'experiments': [one for part in parts for one in part['experiments']]}
json.dump(merged, open('merged.json', 'w'), indent=2)
";

/// Starts the merge.
pub(super) fn merge(folder: &Path) -> Child {
    python(MERGE, folder).spawn().expect("Python is there")
}

/// Returns the time that the plan takes. None if the Python has no YAML.
pub(super) async fn plan(folder: &Path) -> Option<Duration> {
    let begun = Instant::now();
    let ended = python(PLAN, folder).status().await.expect("Python is there");
    ended.success().then(|| begun.elapsed())
}

fn python(script: &str, folder: &Path) -> Command {
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(python);
    command.args(["-c", script]).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
