//! The fixtures: what every world has from the beginning.

/// Id of the account that every world is.
pub const ACCOUNT: &str = "123456789012";
/// Id of the organization that every world has.
pub const ORGANIZATION: &str = "o-rehearsal";
/// Root of this organization.
pub const ORGANIZATION_ROOT: &str = "r-root";
/// Unit of this organization, which holds the account.
pub const ORGANIZATION_UNIT: &str = "ou-root-rehearsal";
/// Region of requests that carry no signature.
pub const DEFAULT_REGION: &str = "us-east-1";
/// Id of the template that every world has from the beginning. Its experiments proceed as the scenario says.
pub const TEMPLATE_ID: &str = "EXTrehearsal";
/// Id of a second template that every world has. Its experiments complete unless [`crate::World::script`] says
/// otherwise.
pub const SECOND_TEMPLATE_ID: &str = "EXTrehearsal2";
/// Id of the template from which others in the account begin experiments.
pub(crate) const FOREIGN_TEMPLATE_ID: &str = "EXTforeign";
/// Name of the alarm that every world has, in OK: the stop condition of both templates.
pub const ALARM_NAME: &str = "rehearsal-steady";
/// Name of a second alarm that every world has, in OK: nothing but a probe asks for it.
pub const SYSTEM_ALARM_NAME: &str = "rehearsal-system";
