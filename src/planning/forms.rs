//! The forms in which a plan is written: a table, JSON lines, the matrix of GitHub, the child pipeline of GitLab.
//!
//! Names and ids are data, so a library writes them. A child pipeline is JSON, which is YAML too.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::PlanRequest;
use faultgate_core::closed_set;
use faultgate_core::duration::exact;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::PlanItem;
use faultgate_core::text;

closed_set! {
    /// The forms in which a plan is written.
    pub(crate) enum PlanForm { Text = "text", Jsonl = "jsonl", Github = "github", Gitlab = "gitlab" }
}

/// Limit of the experiments of one job, in bytes: Linux takes 128 KiB in one variable.
const MAX_ONLY_BYTES: usize = 120_000;
/// Limit of a matrix, in characters: GitHub takes 1 MB of outputs of a job, and counts two bytes for each.
const MAX_MATRIX_CHARS: usize = 500_000;
/// Limit of a child pipeline, in bytes: GitLab takes 2 MiB of YAML.
const MAX_CHILD_BYTES: usize = 2_000_000;
/// Limit of a cell of the table, in characters.
const MAX_CELL_CHARS: usize = 64;
/// The image whose tag this version moves with, where the CI does not tell the image of the job.
const IMAGE: &str = "ghcr.io/faultgate/faultgate:0.1";
/// The job that all jobs of a child pipeline extend.
const PART: &str = ".faultgate-part";
/// Folder in which each job of a child pipeline has one with its reports.
const PARTS_DIR: &str = "faultgate-parts";
/// File in which the first job of a child pipeline hands on the plan.
const PLAN_FILE: &str = "plan.jsonl";

/// Writes a table for people.
pub(super) fn write_table(items: &[PlanItem]) -> String {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut rows: Vec<[String; 7]> = vec![
        ["EXPERIMENT", "ENGINE", "TEMPLATE", "ACCOUNT", "REGION", "WEIGHT", "TIMEOUT"].map(str::to_owned),
    ];
    rows.extend(items.iter().map(|item| {
        [
            item.experiment.clone(),
            item.engine.as_str().to_owned(),
            or_dash(&item.template),
            or_dash(&item.account),
            or_dash(&item.region),
            item.weight.to_string(),
            exact(Duration::from_secs(item.timeout_seconds)),
        ]
        .map(|cell| text::plain(&cell, MAX_CELL_CHARS))
    }));
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut table = String::new();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        table.push_str(cells.join("  ").trim_end());
        table.push('\n');
    }
    let plural = if items.len() == 1 { "experiment" } else { "experiments" };
    format!("{table}{} {plural}; nothing was launched", items.len())
}

/// Writes JSON lines, one for each item.
pub(super) fn write_lines(items: &[PlanItem]) -> String {
    let lines = items.iter().filter_map(|item| serde_json::to_string(item).ok());
    lines.collect::<Vec<_>>().join("\n")
}

/// Writes the matrix of GitHub on one line, for `fromJSON`.
pub(super) fn write_github(jobs: &[Vec<&PlanItem>], by_item: bool) -> Result<String, Mistake> {
    let mut include = Vec::new();
    for (place, job) in jobs.iter().enumerate() {
        include.push(json!({ "job": place + 1, "only": write_only(job, by_item)? }));
    }
    let matrix = json!({ "include": include }).to_string();
    within(matrix, MAX_MATRIX_CHARS, "GitHub takes no matrix that is this long")
}

/// Writes the experiments of a job as its input `only`: their names, or, where the job could only find them
/// by a query of its own, their items.
fn write_only(job: &[&PlanItem], by_item: bool) -> Result<String, Mistake> {
    let only = if by_item {
        serde_json::to_string(job).unwrap_or_default()
    } else {
        job.iter().map(|item| item.experiment.as_str()).collect::<Vec<_>>().join(",")
    };
    if only.len() > MAX_ONLY_BYTES {
        let what = format!("one job would have {} experiments, whose list no variable can hold", job.len());
        return Err(Mistake::new("--jobs", what).hint("allow more jobs"));
    }
    Ok(only)
}

fn within(written: String, most: usize, why: &str) -> Result<String, Mistake> {
    if written.len() <= most {
        return Ok(written);
    }
    let what = format!("the plan has {} bytes, and {why}", written.len());
    Err(Mistake::new("--format", what)
        .hint("split the suite, or hand --format jsonl to an engine that fans it out (docs/plan.md)"))
}

/// The surroundings of a child pipeline.
pub(super) struct Child<'a> {
    max_parallel: Option<usize>,
    include: Option<&'a str>,
    image: &'a str,
    /// Id and job of the pipeline that plans, whose artifacts hold the plan.
    parent: (&'a str, &'a str),
}

impl<'a> Child<'a> {
    pub(super) fn new(request: &'a PlanRequest, env: &'a Environment) -> Self {
        Self {
            max_parallel: request.max_parallel,
            include: request.include.as_deref(),
            image: env.get("CI_JOB_IMAGE").unwrap_or(IMAGE),
            parent: (
                env.get("CI_PIPELINE_ID").unwrap_or("$PARENT_PIPELINE_ID"),
                env.get("CI_JOB_NAME").unwrap_or("plan"),
            ),
        }
    }
}

/// Writes a child pipeline of GitLab, whose last job is the gate.
pub(super) fn write_gitlab(
    jobs: &[Vec<&PlanItem>],
    by_item: bool,
    child: &Child<'_>,
) -> Result<String, Mistake> {
    let mut pipeline = Map::new();
    let mut add = |key: &str, value: Value| pipeline.insert(key.to_owned(), value);
    match child.include {
        Some(file) => add("include", json!([{ "local": file }])),
        None => add(
            PART,
            json!({
                "image": { "name": child.image, "entrypoint": [""] },
                "interruptible": false,
                // The token is asked for only where a role trusts it.
                "id_tokens": { "FAULTGATE_AWS_ID_TOKEN": { "aud": "$CI_SERVER_URL" } },
            }),
        ),
    };
    add("workflow", json!({ "rules": [{ "when": "always" }] }));
    add("stages", json!(["plan", "chaos", "gate"]));
    let (pipeline_id, job) = child.parent;
    // The child has an id of its own, and not that of the pipeline that has planned.
    let run = jobs.iter().flatten().next().map_or("", |item| &item.run);
    let plan_run = json!({ "value": run, "expand": false });
    // The later jobs take the artifacts of all stages before them, and none of another pipeline.
    add(
        "plan",
        json!({
            "extends": PART,
            "stage": "plan",
            "needs": [{ "pipeline": pipeline_id, "job": job }],
            "script": [format!("test -s {PLAN_FILE}")],
            "artifacts": { "paths": [PLAN_FILE] },
        }),
    );
    for (place, experiments) in jobs.iter().enumerate() {
        let number = place + 1;
        let mut job = json!({
            "extends": PART,
            "stage": "chaos",
            "variables": {
                // An item of a plan may have a dollar sign in it, which must not be taken for a variable.
                "FAULTGATE_ONLY": { "value": write_only(experiments, by_item)?, "expand": false },
                "FAULTGATE_PLAN_RUN": plan_run,
                "FAULTGATE_REPORT_DIR": format!("{PARTS_DIR}/{number}"),
            },
            "script": ["exec faultgate"],
            "after_script": ["faultgate stop"],
            // The gate decides, and knows of each part that has left no result.
            "allow_failure": true,
            "artifacts": { "when": "always", "paths": [format!("{PARTS_DIR}/{number}")] },
        });
        if let Some(most) = child.max_parallel {
            // A resource group has one job at a time, so there are as many groups as jobs at once.
            job["resource_group"] = json!(format!("faultgate-{pipeline_id}-{}", place % most + 1));
        }
        add(&format!("chaos {number}/{}", jobs.len()), job);
    }
    add(
        "gate",
        json!({
            "extends": PART,
            "stage": "gate",
            "when": "always",
            "variables": { "FAULTGATE_PLAN_RUN": plan_run, "FAULTGATE_REPORT_DIR": "faultgate-report" },
            "script": [format!("exec faultgate report --merge {PARTS_DIR} --plan {PLAN_FILE}")],
            "artifacts": {
                "when": "always",
                "paths": ["faultgate-report"],
                "reports": {
                    "junit": "faultgate-report/junit.xml",
                    "dotenv": "faultgate-report/faultgate.env",
                    "annotations": "faultgate-report/annotations.json",
                },
            },
        }),
    );
    let written = serde_json::to_string_pretty(&Value::Object(pipeline)).unwrap_or_default();
    within(written, MAX_CHILD_BYTES, "GitLab takes no pipeline that is this long")
}
