//! The block of a LitmusChaos experiment in a suite.

use crate::inputs::kind::Kind;
use crate::layers::tree::Table;
use crate::suite::keys::Key;
use crate::suite::reader::Reader;

const ID: Kind = Kind::Text { max: 255 };

/// The keys of the block of a LitmusChaos experiment.
#[rustfmt::skip]
pub(crate) const LITMUS: &[Key] = &[
    Key::new("experiment", ID, "Id of the experiment; that of the run unless said otherwise"),
    Key::new("project", ID, "Project; that of the run unless said otherwise"),
    Key::new("url", Kind::Url, "ChaosCenter to talk to; that of the run unless said otherwise")
        .example("https://litmus.example.com"),
    Key::new("origin", Kind::Url, "Origin header that the ChaosCenter accepts; that of its URL unless said otherwise")
        .example("https://litmus.example.com"),
];

/// The block of a LitmusChaos experiment in the suite file. The inputs complete it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LitmusBlock {
    /// Id of the experiment, or the address of its page.
    pub(crate) experiment: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) url: Option<String>,
    /// The value of the header `Origin`, where it is not the origin of `url`.
    pub(crate) origin: Option<String>,
}

impl<'a> Reader<'a> {
    /// Reads the block of a LitmusChaos experiment.
    pub(crate) fn litmus(&mut self, block: &'a Table, path: &str) -> LitmusBlock {
        let block = self.section(block, path, LITMUS);
        LitmusBlock {
            experiment: self.text(&block, "experiment"),
            project: self.text(&block, "project"),
            url: self.text(&block, "url"),
            origin: self.text(&block, "origin"),
        }
    }
}
