//! The peers of a plan, a merge and a fleet: what a pipeline without faultgate has, a script in Python. They read and write as
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

/// Runs as many experiments at once as the quota of each account takes, and asks for each every 10 s.
const FLEET: &str = "
import boto3, sys, time, uuid
from concurrent.futures import ThreadPoolExecutor
accounts, quota, rounds = map(int, sys.argv[1:])
def reach(number):
    role = f'arn:aws:iam::{number + 1:012}:role/chaos'
    keys = boto3.client('sts').assume_role(RoleArn=role, RoleSessionName='peer')['Credentials']
    return boto3.client('fis', aws_access_key_id=keys['AccessKeyId'],
        aws_secret_access_key=keys['SecretAccessKey'], aws_session_token=keys['SessionToken'])
places = [reach(number) for number in range(accounts)]
def run(number):
    fis = places[number % accounts]
    for _ in range(rounds):
        started = fis.start_experiment(experimentTemplateId='EXTrehearsal', clientToken=str(uuid.uuid4()))
        status = 'pending'
        while status in ('pending', 'initiating', 'running'):
            time.sleep(10)
            status = fis.get_experiment(id=started['experiment']['id'])['experiment']['state']['status']
        assert status == 'completed', status
with ThreadPoolExecutor(accounts * quota) as pool:
    list(pool.map(run, range(accounts * quota)))
";

/// Starts the fleet: the number of accounts, of experiments at once in each, and of rounds.
pub(super) fn fleet(url: &str, accounts: usize, quota: usize, rounds: usize) -> Child {
    let mut command = python(FLEET, Path::new("."));
    command.args([accounts, quota, rounds].map(|number| number.to_string()));
    for (name, value) in [
        ("AWS_ENDPOINT_URL", url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
    ] {
        command.env(name, value);
    }
    command.spawn().expect("Python is there")
}

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
