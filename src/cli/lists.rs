//! Regions and roles as lists, for the commands that go through many accounts and Regions.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches};

use faultgate_config as config;

/// Inputs that are lists for such a command.
const LISTS: [&str; 2] = ["aws-region", "aws-role-arn"];

/// Makes a flag that is a list take several values, with the help of `helps` for Regions and for roles.
/// Another flag is left as it is.
pub(super) fn take_list(flag: Arg, helps: [&str; 2]) -> Arg {
    let list = LISTS.iter().zip(helps).find(|(name, _)| flag.get_id() == **name);
    let Some((name, help)) = list else { return flag };
    let variable = name.to_uppercase().replace('-', "_");
    let help = format!("{help} [default: the SDK's default chain; env: FAULTGATE_{variable}]");
    flag.action(ArgAction::Append).help(help)
}

/// Returns the flags as the settings take them: the values of a list that is given several times become one.
pub(super) fn join_lists(matches: &ArgMatches) -> Vec<(String, OsString)> {
    let mut flags = config::read_flags(matches);
    for (name, value) in &mut flags {
        if let (true, Some(values)) =
            (LISTS.iter().any(|list| list == name), matches.get_many::<OsString>(name))
        {
            *value = values.cloned().collect::<Vec<_>>().join(&OsString::from(","));
        }
    }
    flags
}
