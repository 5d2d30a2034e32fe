//! `result.json` as an object in S3, from where a merge takes it.
//!
//! The objects of one run lie in one folder, each under the name of its part. An object is never overwritten
//! by another process: a second attempt of a part is put beside the first, with its number in its name, and a
//! merge counts the one that began last.

use std::future::Future;
use std::io::{self, Write};
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use faultgate_core::digest;
use faultgate_core::model::{ExperimentResult, Reported, RunEvent, RunIdentity, RunResult};
use faultgate_net::aws::s3::{S3Address, S3Bucket, S3Failure, S3Refusal};
use tokio_util::task::AbortOnDropHandle;

use crate::sink::{Sink, Stage, report_failed, report_written};

/// Name of the object of a merged result. No experiment can have it, and a merge passes over it.
pub const MERGED_NAME: &str = "_merged";
/// Largest object, in bytes. A larger result is put without its samples.
pub const MAX_OBJECT_BYTES: usize = 64 << 20;
/// Number of attempts of one part that are kept.
const MAX_ATTEMPTS: u32 = 100;
/// Number of digits of the digest that names some experiments of a suite.
const DIGEST_CHARS: usize = 12;

type Connecting = Pin<Box<dyn Future<Output = Result<S3Bucket, String>> + Send>>;

/// The sink that puts `result.json` to S3.
pub struct ResultObject {
    folder: S3Address,
    /// The connection, until the sink has begun to make it.
    connect: Option<Connecting>,
    connecting: Option<AbortOnDropHandle<Result<S3Bucket, String>>>,
    made: Option<Result<S3Bucket, String>>,
    is_merged: bool,
    /// Key of the object that this sink has put.
    written: Option<String>,
}

impl ResultObject {
    /// Makes the sink. `connect` is called when the run begins, so that the credentials are there at its end.
    pub fn new(
        folder: S3Address,
        is_merged: bool,
        connect: impl Future<Output = Result<S3Bucket, String>> + Send + 'static,
    ) -> Self {
        Self {
            folder,
            connect: Some(Box::pin(connect)),
            connecting: None,
            made: None,
            is_merged,
            written: None,
        }
    }

    fn begin(&mut self) {
        if let Some(connect) = self.connect.take() {
            self.connecting = Some(AbortOnDropHandle::new(tokio::spawn(connect)));
        }
    }

    /// Returns the bucket, and waits for the connection first.
    async fn connected(&mut self) -> Result<(), String> {
        self.begin();
        if let Some(connecting) = &mut self.connecting {
            let made = connecting.await.unwrap_or_else(|error| Err(error.to_string()));
            (self.made, self.connecting) = (Some(made), None);
        }
        match &self.made {
            Some(Err(why)) => Err(why.clone()),
            _ => Ok(()),
        }
    }

    async fn put(&mut self, result: &RunResult) -> Result<(), String> {
        self.connected().await?;
        let Some(Ok(bucket)) = &self.made else { return Err("there is no connection".to_owned()) };
        let body = content(result).map_err(|error| format!("the result could not be written: {error}"))?;
        let told = |failure: S3Failure| failure.with_remedy();
        // The sink may replace what it has put itself: the verdict may have turned meanwhile.
        if let Some(key) = &self.written {
            return bucket.put(key, body, false).await.map_err(told);
        }
        let base = self.folder.below(&format!("{}/", run_folder(name_of_run(&result.run))));
        if self.is_merged {
            let key = base.below(&object_name(MERGED_NAME, 1)).key;
            bucket.put(&key, body, false).await.map_err(told)?;
            self.written = Some(key);
            return Ok(());
        }
        let part = part_name(result);
        for attempt in 1..=MAX_ATTEMPTS {
            let key = base.below(&object_name(&part, attempt)).key;
            match bucket.put(&key, body.clone(), true).await {
                Ok(()) => {}
                // The answer to an earlier request may have been lost.
                Err(failure) if failure.kind == S3Refusal::Exists => {
                    if bucket.get(&key, body.len()).await.ok().as_deref() != Some(&body[..]) {
                        continue;
                    }
                }
                Err(failure) => return Err(told(failure)),
            }
            self.written = Some(key);
            return Ok(());
        }
        Err(format!("{MAX_ATTEMPTS} attempts of this part are there already: empty {base}"))
    }
}

#[async_trait(?Send)]
impl Sink for ResultObject {
    fn name(&self) -> &'static str {
        "results"
    }

    fn stage(&self) -> Stage {
        Stage::Network
    }

    fn on(&mut self, event: &RunEvent<'_>) {
        if matches!(event, RunEvent::Started { .. }) {
            self.begin();
        }
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        Some(match self.put(result).await {
            Ok(()) => report_written(self.name()),
            Err(why) => report_failed(self.name(), why),
        })
    }
}

/// Returns the content of the object: without its samples where they have no room.
fn content(result: &RunResult) -> serde_json::Result<Bytes> {
    let write = |result: &RunResult| {
        let mut object = Bounded(Vec::new());
        serde_json::to_writer(&mut object, result).map(|()| object.0.into())
    };
    write(result).or_else(|_| {
        let mut short = result.clone();
        let probes = short.experiments.iter_mut().flat_map(|experiment| &mut experiment.probes);
        probes.for_each(faultgate_core::model::Probe::leave_out_samples);
        write(&short)
    })
}

/// A buffer with a limit.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.0.len() + part.len() > MAX_OBJECT_BYTES {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.0.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the name by which the parts of one run know each other: that of the plan, of the CI's run, or of
/// this invocation.
fn name_of_run(run: &RunIdentity) -> &str {
    run.plan_run.as_deref().or(run.pipeline.as_deref()).unwrap_or(&run.id)
}

/// Returns the name of a run's folder. Characters that a key should not have are replaced, so it ends with a
/// digest where there are some.
pub fn run_folder(run: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=".contains(c);
    if !run.is_empty() && run.len() <= 128 && run.chars().all(is_plain) {
        return run.to_owned();
    }
    let plain: String = run.chars().map(|c| if is_plain(c) { c } else { '-' }).take(100).collect();
    format!("{plain}-{}", short_digest(&[run]))
}

/// Returns the name of the part that a result is: of a shard its numbers, of one experiment its name, of the
/// whole suite `all`, and of some experiments a digest of their names.
fn part_name(result: &RunResult) -> String {
    let names: Vec<&str> =
        result.experiments.iter().map(|ExperimentResult { name, .. }| name.as_str()).collect();
    let suite = result.plan.as_ref().map(|plan| &plan.experiments[..]);
    if let Some(shard) = result.run.shard {
        return format!("shard-{:04}-of-{:04}", shard.number(), shard.total());
    }
    match names.as_slice() {
        [name] => text_of_name(name),
        _ if suite.is_none_or(|suite| suite == names) => "all".to_owned(),
        _ => format!("part-{}", short_digest(&names)),
    }
}

/// Returns the name of an experiment as a part of a key. Names of a suite are such already.
fn text_of_name(name: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !name.is_empty() && name.bytes().all(is_plain) { name.to_owned() } else { short_digest(&[name]) }
}

fn short_digest(texts: &[&str]) -> String {
    digest::of_parts(texts).chars().take(DIGEST_CHARS).collect()
}

fn object_name(part: &str, attempt: u32) -> String {
    if attempt == 1 { format!("{part}.json") } else { format!("{part}.{attempt}.json") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultgate_core::model::PlanRecord;
    use faultgate_testkit::results;

    #[test]
    fn each_part_has_a_name_of_its_own() {
        let mut result = results::mixed();
        let names: Vec<String> =
            result.experiments.iter().map(|experiment| experiment.name.clone()).collect();
        assert!(names.len() > 1);
        result.plan = Some(PlanRecord { digest: "d".to_owned(), experiments: names.clone() });
        assert_eq!(part_name(&result), "all");
        result.plan.as_mut().unwrap().experiments.push("other".to_owned());
        let part = part_name(&result);
        assert!(part.starts_with("part-") && part.len() == 5 + DIGEST_CHARS, "{part}");
        result.experiments.truncate(1);
        assert_eq!(part_name(&result), names[0]);
        result.run.shard = "2/5".parse().ok();
        assert_eq!(part_name(&result), "shard-0002-of-0005");
        assert_eq!(object_name("all", 1), "all.json");
        assert_eq!(object_name("all", 2), "all.2.json");
    }

    #[test]
    fn each_run_has_a_folder_of_its_own() {
        assert_eq!(run_folder("1234567890"), "1234567890");
        let odd = run_folder("arn:aws:x/y");
        assert!(odd.starts_with("arn-aws-x-y-") && odd != run_folder("arn:aws:x-y"), "{odd}");
        assert!(run_folder("..").starts_with("---"), "{}", run_folder(".."));
    }
}
