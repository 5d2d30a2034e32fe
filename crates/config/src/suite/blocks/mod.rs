//! The blocks of the engines in an experiment of a suite, a file for each engine.

pub(crate) mod command;
pub(crate) mod fis;
pub(crate) mod harness;
pub(crate) mod litmus;

use ::config::ValueKind;
use faultgate_core::model::{CommandSpec, EngineKind};

use self::fis::FisBlock;
use self::harness::HarnessBlock;
use self::litmus::LitmusBlock;
use super::keys::Key;
use super::pages::{HarnessPage, LitmusPage};
use super::reader::Reader;
use crate::layers::file::below;
use crate::layers::tree::Table;

/// The engine of an experiment, with its block.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one for each experiment of a suite")]
pub(crate) enum Block {
    Fis(FisBlock),
    /// The block of a Harness experiment, and its path in the file. The inputs complete it.
    Harness(String, HarnessBlock),
    /// The block of a LitmusChaos experiment, and its path in the file. The inputs complete it.
    Litmus(String, LitmusBlock),
    Command(CommandSpec),
}

impl Block {
    pub(crate) const fn kind(&self) -> EngineKind {
        match self {
            Self::Fis(_) => EngineKind::Fis,
            Self::Harness(..) => EngineKind::Harness,
            Self::Litmus(..) => EngineKind::Litmus,
            Self::Command(_) => EngineKind::Command,
        }
    }

    /// The addresses of the control planes that the block names, also those that a page's address tells.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let (page, url) = match self {
            Self::Harness(_, HarnessBlock { experiment, url, .. }) => {
                (experiment.as_deref().and_then(HarnessPage::parse).map(|page| page.url), url)
            }
            Self::Litmus(_, LitmusBlock { experiment, url, .. }) => {
                (experiment.as_deref().and_then(LitmusPage::parse).map(|page| page.url), url)
            }
            Self::Fis(_) | Self::Command(_) => return Vec::new(),
        };
        page.into_iter().chain(url.clone()).collect()
    }
}

/// The keys of an engine's block.
pub(crate) const fn keys(engine: EngineKind) -> &'static [Key] {
    match engine {
        EngineKind::Fis => fis::FIS,
        EngineKind::Harness => harness::HARNESS,
        EngineKind::Litmus => litmus::LITMUS,
        EngineKind::Command => command::KEYS,
    }
}

/// The description of an engine's block, in one line.
pub(crate) const fn help(engine: EngineKind) -> &'static str {
    match engine {
        EngineKind::Fis => "An experiment of AWS Fault Injection Service",
        EngineKind::Harness => "An experiment of Harness Chaos Engineering",
        EngineKind::Litmus => "An experiment of LitmusChaos 3.x",
        EngineKind::Command => "Any fault injector of this machine",
    }
}

/// An example of how an engine's block begins.
pub(crate) const fn example(engine: EngineKind) -> &'static str {
    match engine {
        EngineKind::Fis => "fis: { template: EXT1a2b3c4d5e6f7 }",
        EngineKind::Harness => "harness: { project: …, experiment: … }",
        EngineKind::Litmus => "litmus: { url: …, project: …, experiment: … }",
        EngineKind::Command => "command: { run: [\"program\", \"argument\"] }",
    }
}

impl<'a> Reader<'a> {
    /// Reads the block of an engine in the table of an experiment; `None` if it is not whole, which has been
    /// told.
    pub(crate) fn block(&mut self, table: &'a Table, path: &str, engine: EngineKind) -> Option<Block> {
        let path = below(path, engine.as_str());
        let block = table.get(engine.as_str()).filter(|value| !matches!(value.kind, ValueKind::Nil));
        if block.is_none() {
            self.mistake(&path, "is empty", format!("write {}", example(engine)));
        }
        if block.is_some_and(|block| !matches!(block.kind, ValueKind::Table(_))) {
            self.tell_shape(&path, "is not a table of keys", format!("write {}", example(engine)));
            return None;
        }
        let block = self.table(block, &path)?;
        match engine {
            EngineKind::Fis => self.fis(block, &path).map(Block::Fis),
            EngineKind::Harness => {
                let block = self.harness(block, &path);
                Some(Block::Harness(path, block))
            }
            EngineKind::Litmus => {
                let block = self.litmus(block, &path);
                Some(Block::Litmus(path, block))
            }
            EngineKind::Command => self.command_engine(block, &path).map(Block::Command),
        }
    }
}
