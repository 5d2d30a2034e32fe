//! The block of an FIS experiment in a suite.

use crate::inputs::kind::Kind;
use crate::layers::tree::Table;
use crate::suite::keys::Key;
use crate::suite::reader::Reader;

/// The keys of the block of an FIS experiment.
#[rustfmt::skip]
pub(crate) const FIS: &[Key] = &[
    Key::new("template", Kind::Template, "FIS experiment template to run")
        .needed("write the template's id, for example EXT1a2b3c4d5e6f7").example("EXT1a2b3c4d5e6f7"),
    Key::new("region", Kind::Region, "AWS Region; that of the run unless said otherwise").example("eu-west-1"),
    Key::new("role-arn", Kind::RoleArn, "Role to assume; that of the run unless said otherwise")
        .example("arn:aws:iam::111122223333:role/chaos"),
];

/// The block of an FIS experiment. The inputs complete Region and role.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FisBlock {
    pub(crate) template: String,
    pub(crate) region: Option<String>,
    pub(crate) role_arn: Option<String>,
}

impl<'a> Reader<'a> {
    /// Reads the block of an FIS experiment.
    pub(crate) fn fis(&mut self, block: &'a Table, path: &str) -> Option<FisBlock> {
        let block = self.section(block, path, FIS);
        let template = self.text(&block, "template");
        let region = self.text(&block, "region");
        let role_arn = self.text(&block, "role-arn");
        Some(FisBlock { template: template?, region, role_arn })
    }
}
