//! The kinds of value that inputs take, each with the type that its values are read as.

use std::path::PathBuf;
use std::time::Duration;

use faultgate_core::model::{ForgeKind, Monitor, Score};
use faultgate_net::aws::s3::S3Address;

use super::choices::{
    CommentAccounts, CommentMode, CommitStatusMode, LogFormat, Only, ReportingMode, RequiredActions,
    ShardChoice,
};
use super::kind::{Kind, Parsed};
use super::parse;

/// A kind of value, and the type that its values are read as.
pub(crate) struct Typed<T> {
    pub(crate) kind: Kind,
    /// The value of a parsed text of this kind. Another kind has none.
    pub(crate) read: fn(&Parsed) -> Option<T>,
}

/// The kind of a word of a closed set.
macro_rules! choice {
    ($name:ident: $set:ident) => {
        pub(crate) const $name: Typed<$set> =
            Typed { kind: Kind::Choice($set::WORDS), read: |parsed| parsed.as_text().and_then($set::find) };
    };
}

/// The reading of a parsed value of one form.
macro_rules! parsed_as {
    ($form:ident) => {
        |parsed| if let Parsed::$form(value) = parsed { Some(value.clone()) } else { None }
    };
}

choice!(FORGE_KIND: ForgeKind);
choice!(MONITOR_MODE: Monitor);
choice!(COMMIT_STATUS_MODE: CommitStatusMode);
choice!(COMMENT_ACCOUNTS: CommentAccounts);
choice!(COMMENT_MODE: CommentMode);
choice!(LOG_FORMATS: LogFormat);
choice!(REQUIRED_ACTIONS: RequiredActions);
choice!(REPORTING_MODE: ReportingMode);

pub(crate) const LINE: Typed<String> = text(Kind::Text { max: 255 });
pub(crate) const LONG_LINE: Typed<String> = text(Kind::Text { max: 2048 });
pub(crate) const URL: Typed<String> = text(Kind::Url);

pub(crate) const FILE_PATH: Typed<PathBuf> =
    Typed { kind: Kind::Path, read: |parsed| parsed.as_text().map(PathBuf::from) };

pub(crate) const FLAG: Typed<bool> = Typed { kind: Kind::Bool, read: parsed_as!(Bool) };

pub(crate) const SCORE: Typed<Score> = Typed { kind: Kind::Score, read: parsed_as!(Score) };

pub(crate) const SHARD_OF_SUITE: Typed<ShardChoice> =
    Typed { kind: Kind::Shard, read: |parsed| parsed.as_text().and_then(|text| parse::shard(text).ok()) };

pub(crate) const SOME_EXPERIMENTS: Typed<Only> =
    Typed { kind: Kind::Only, read: |parsed| parsed.as_text().and_then(|text| parse::only(text).ok()) };

pub(crate) const S3_FOLDER: Typed<S3Address> = Typed {
    kind: Kind::S3Folder,
    read: |parsed| parsed.as_text().and_then(|text| S3Address::folder(text).ok()),
};

pub(crate) const NUMBER: Typed<u64> =
    Typed { kind: Kind::Number, read: |parsed| parsed.as_text().and_then(|text| text.parse().ok()) };

pub(crate) const TEMPLATE_IDS: Typed<Vec<String>> = Typed { kind: Kind::Templates, read: parsed_as!(List) };

/// A text of any of the kinds that are parsed to text.
pub(crate) const fn text(kind: Kind) -> Typed<String> {
    Typed { kind, read: |parsed| parsed.as_text().map(str::to_owned) }
}

pub(crate) const fn lines(max: usize) -> Typed<String> {
    text(Kind::Lines { max })
}

pub(crate) const fn duration(min: Duration, max: Duration) -> Typed<Duration> {
    Typed { kind: Kind::Duration { min, max }, read: parsed_as!(Duration) }
}

pub(crate) const fn count(min: u32, max: u32) -> Typed<u32> {
    Typed { kind: Kind::Count { min, max }, read: parsed_as!(Count) }
}
