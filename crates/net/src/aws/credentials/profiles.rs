//! The profiles of AWS's shared files, as far as they have to be judged before the SDK uses them. The chain
//! of profiles is followed as the SDK follows it, to find a `credential_process` and values that would make
//! the SDK panic. A file that the SDK would ignore is ignored here as well.

use std::collections::HashMap;

use aws_config::profile::{self, Profile, ProfileSet};
use aws_types::os_shim_internal::{Env, Fs};

use super::sound::is_sendable;
use crate::foreign::aws_region;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::text;

const SELECTED: &str = "AWS_PROFILE";
const DEFAULT: &str = "default";
/// Maximum number of profiles that are named where the selected one is missing.
const MAX_NAMES: usize = 10;
/// Maximum length of a profile's name in a message, in characters.
const NAME_CHARS: usize = 80;

/// A role that a profile names; it is assumed with the credentials of the profile before it in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::aws) struct ProfileRole {
    pub(in crate::aws) arn: String,
    pub(in crate::aws) session_name: Option<String>,
    pub(in crate::aws) external_id: Option<String>,
}

/// The source of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::aws) enum CredentialSource {
    /// The SDK's default chain finds them.
    Sdk,
    /// The `credential_process` of a profile gives them; these roles are assumed from there, in this order.
    Process { command: String, roles: Vec<ProfileRole> },
}

/// The profiles of the shared files.
pub(in crate::aws) struct Profiles {
    /// The profiles; None where the files cannot be read and nobody selected a profile.
    all: Option<ProfileSet>,
    /// The name of the profile that the variable selects.
    selected: Option<String>,
}

impl Profiles {
    /// Loads the profiles by the variables of `env`.
    pub(in crate::aws) async fn load(env: &Environment) -> Result<Self, Mistake> {
        let selected = env.get(SELECTED).map(|name| name.trim().to_owned());
        let readable = env.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
        let variables: HashMap<String, String> =
            readable.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        #[expect(
            clippy::default_trait_access,
            reason = "the name of its type is deprecated, or another crate's"
        )]
        let files = Default::default();
        let loaded = profile::load(&Fs::real(), &Env::from(variables), &files, None).await;
        match (loaded, &selected) {
            (Ok(all), _) => Ok(Self { all: Some(all), selected }),
            // No profile is selected, so nobody relies on the files, and the SDK goes on without them.
            (Err(_), None) => Ok(Self { all: None, selected }),
            (Err(error), Some(name)) => {
                let why = text::plain(&crate::http::cause(&error), 300);
                let what = format!("{SELECTED}: the profile {} cannot be read: {why}", quote(name));
                Err(Mistake::new(SELECTED, what).hint("mend AWS's config and credentials files, or unset it"))
            }
        }
    }

    /// Returns the source from which the SDK would take credentials. A profile that cannot work is a mistake.
    pub(in crate::aws) fn source(&self, env: &Environment) -> Result<CredentialSource, Mistake> {
        let Some(all) = &self.all else { return Ok(CredentialSource::Sdk) };
        if let Some(name) = &self.selected
            && name != DEFAULT
            && all.get_profile(name).is_none()
        {
            return Err(missing(name, all));
        }
        let secret = ["AWS_SECRET_ACCESS_KEY", "SECRET_ACCESS_KEY"];
        if env.get("AWS_ACCESS_KEY_ID").is_some() && secret.iter().any(|name| env.get(name).is_some()) {
            // Keys in the environment go before any profile.
            return Ok(CredentialSource::Sdk);
        }
        follow(all)
    }
}

/// Follows the chain from the selected profile by `source_profile` to the profile with the first credentials,
/// as the SDK does. A chain that cannot be followed is left to the SDK, which says why.
fn follow(all: &ProfileSet) -> Result<CredentialSource, Mistake> {
    let (mut name, mut seen, mut roles) = (all.selected_profile(), Vec::new(), Vec::new());
    let base = loop {
        let Some(profile) = all.get_profile(name).filter(|_| !seen.contains(&name)) else {
            return Ok(CredentialSource::Sdk);
        };
        judge(all, profile)?;
        let has_keys =
            ["aws_access_key_id", "aws_secret_access_key"].iter().all(|key| profile.get(key).is_some());
        // Keys end the chain, except in the first profile, whose role goes before its keys.
        if !seen.is_empty() && has_keys {
            return Ok(CredentialSource::Sdk);
        }
        seen.push(name);
        let role = profile.get("role_arn").filter(|_| profile.get("web_identity_token_file").is_none());
        let Some(arn) = role else { break profile };
        let of = |key| profile.get(key).map(str::to_owned);
        roles.push(ProfileRole {
            arn: arn.to_owned(),
            session_name: of("role_session_name"),
            external_id: of("external_id"),
        });
        match profile.get("source_profile") {
            // A profile that is its own source gives the first credentials itself.
            Some(next) if next == name => break profile,
            Some(next) => name = next,
            None => return Ok(CredentialSource::Sdk),
        }
    };
    let first =
        ["credential_source", "web_identity_token_file", "sso_session", "sso_start_url", "login_session"];
    match base.get("credential_process").filter(|_| first.iter().all(|key| base.get(key).is_none())) {
        Some(command) => {
            roles.reverse();
            Ok(CredentialSource::Process { command: command.to_owned(), roles })
        }
        None => Ok(CredentialSource::Sdk),
    }
}

/// Judges the values of a profile that the SDK would sign with or make an address of.
fn judge(all: &ProfileSet, profile: &Profile) -> Result<(), Mistake> {
    let origin = format!("the profile {}", quote(profile.name()));
    for key in ["aws_access_key_id", "aws_session_token"] {
        if profile.get(key).is_some_and(|value| !is_sendable(value)) {
            let what = format!("{key}: the value holds a character that no request can carry");
            return Err(Mistake::new(&origin, what).hint("set it again"));
        }
    }
    let session = profile.get("sso_session").and_then(|name| all.sso_session(name));
    let sso_region = profile.get("sso_region").or_else(|| session?.get("sso_region"));
    sso_region.map_or(Ok(()), |region| {
        aws_region(region).map_err(|mistake| Mistake { origin: text::plain(&origin, 200), ..mistake })
    })
}

/// Returns the mistake of a selected profile that does not exist, with the names of those that do.
fn missing(name: &str, all: &ProfileSet) -> Mistake {
    let mut names: Vec<&str> = all.profiles().collect();
    names.sort_unstable();
    let told: Vec<String> = names.iter().take(MAX_NAMES).map(|name| text::plain(name, NAME_CHARS)).collect();
    let hint = match told.as_slice() {
        [] => "there are no profiles: name the files by AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, or unset it"
            .to_owned(),
        told => format!("there are {}; or unset it", told.join(", ")),
    };
    let what =
        format!("{SELECTED}: there is no profile {} in AWS's config and credentials files", quote(name));
    Mistake::new(SELECTED, what).hint(hint)
}

fn quote(name: &str) -> String {
    format!("\"{}\"", text::plain(name, NAME_CHARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn source(config: &str, variables: &[(&str, &str)]) -> Result<CredentialSource, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config");
        std::fs::write(&file, config).unwrap();
        let mut all =
            vec![("AWS_CONFIG_FILE", file.to_str().unwrap()), ("AWS_SHARED_CREDENTIALS_FILE", "/none")];
        all.extend(variables);
        let env = Environment::from_pairs(all);
        let profiles = Profiles::load(&env).await.map_err(|mistake| mistake.to_string())?;
        profiles.source(&env).map_err(|mistake| mistake.to_string())
    }

    #[expect(clippy::unnecessary_wraps, reason = "what a profile leads to may be a mistake")]
    fn process(command: &str, arns: &[&str]) -> Result<CredentialSource, String> {
        let role = |arn: &&str| ProfileRole { arn: (*arn).to_owned(), session_name: None, external_id: None };
        Ok(CredentialSource::Process { command: command.to_owned(), roles: arns.iter().map(role).collect() })
    }

    #[tokio::test]
    async fn a_process_is_found_where_the_sdk_would_find_it() {
        let plain = "[default]\ncredential_process = helper --x\n";
        let chain = "[profile a]\nrole_arn = one\nsource_profile = b\n[profile b]\nrole_arn = two\n\
                     source_profile = c\n[profile c]\ncredential_process = helper\n";
        let itself = "[default]\nrole_arn = one\nsource_profile = default\ncredential_process = helper\n";
        assert_eq!(source(plain, &[]).await, process("helper --x", &[]));
        assert_eq!(source(chain, &[("AWS_PROFILE", "a")]).await, process("helper", &["two", "one"]));
        assert_eq!(source(chain, &[("AWS_PROFILE", " c\n")]).await, process("helper", &[]));
        assert_eq!(source(itself, &[]).await, process("helper", &["one"]));
    }

    #[tokio::test]
    async fn what_goes_first_for_the_sdk_is_left_to_it() {
        let process = "[default]\ncredential_process = helper\n";
        let keys = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "x")];
        assert_eq!(source(process, &keys).await, Ok(CredentialSource::Sdk));
        for more in ["sso_start_url = https://x", "credential_source = Environment", "login_session = x"] {
            assert_eq!(source(&format!("{process}{more}\n"), &[]).await, Ok(CredentialSource::Sdk), "{more}");
        }
        let static_keys = "[default]\nrole_arn = one\nsource_profile = b\n[profile b]\naws_access_key_id = a\n\
                           aws_secret_access_key = b\ncredential_process = helper\n";
        assert_eq!(source(static_keys, &[]).await, Ok(CredentialSource::Sdk));
        let circle = "[profile a]\nrole_arn = one\nsource_profile = b\n[profile b]\nrole_arn = two\nsource_profile = a\n";
        assert_eq!(source(circle, &[("AWS_PROFILE", "a")]).await, Ok(CredentialSource::Sdk));
        assert_eq!(source("", &[("AWS_PROFILE", "default")]).await, Ok(CredentialSource::Sdk));
        assert_eq!(source("not a file of profiles", &[]).await, Ok(CredentialSource::Sdk));
    }

    #[tokio::test]
    async fn a_profile_that_cannot_work_is_a_mistake() {
        let told = source("[profile a]\nregion = x\n", &[("AWS_PROFILE", "prod")]).await.unwrap_err();
        assert!(told.contains("no profile \"prod\"") && told.contains("there are a"), "{told}");
        let told = source("", &[("AWS_PROFILE", "prod")]).await.unwrap_err();
        assert!(told.contains("AWS_CONFIG_FILE"), "{told}");
        let told = source("[profile a\n", &[("AWS_PROFILE", "a")]).await.unwrap_err();
        assert!(told.contains("cannot be read"), "{told}");
        let keys = "[default]\naws_access_key_id = s3\u{1}cr3t\naws_secret_access_key = s3cr3t\n";
        let told = source(keys, &[]).await.unwrap_err();
        assert!(told.contains("aws_access_key_id") && !told.contains("cr3t"), "{told}");
        let told = source("[default]\nsso_region = eu-west-1a\n", &[]).await.unwrap_err();
        assert!(told.contains("write eu-west-1") && told.contains("the profile \"default\""), "{told}");
    }
}
