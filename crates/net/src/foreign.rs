//! Variables that are not faultgate's own but those of the AWS SDK, the HTTP clients and the TLS library.
//!
//! No library reads such a variable before it was cleaned here: a blank one is removed, and blanks around a
//! value are cut off, since pipelines leave both behind. A value that cannot work is a mistake, because some
//! libraries panic on it.

use std::ffi::{OsStr, OsString};
use std::net::IpAddr;

use crate::syntax;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::{Mistake, Problem};
use faultgate_core::unreplaced;

/// The forms of value that a foreign variable takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VariableForm {
    /// Text on one line.
    Text,
    /// A part of AWS credentials, which goes into a header of each request as it is.
    Key,
    Region,
    Url,
    /// The address of a server that answers with credentials to anybody with a token.
    Vault,
    /// A path, in any bytes that the system takes.
    Path,
    /// No value: the variable must not be set, since a library panics if it cannot use it.
    Never,
}

/// The variables that are known. A variable that is not listed and begins with one of [`PREFIXES`] has the
/// form that stands there.
const FOREIGN: &[(&str, VariableForm)] = &[
    ("ALL_PROXY", VariableForm::Text),
    ("AWS_ACCESS_KEY_ID", VariableForm::Key),
    ("AWS_ACCOUNT_ID", VariableForm::Text),
    ("AWS_ACCOUNT_ID_ENDPOINT_MODE", VariableForm::Text),
    ("AWS_AUTH_SCHEME_PREFERENCE", VariableForm::Text),
    ("AWS_CA_BUNDLE", VariableForm::Path),
    ("AWS_CONFIG_FILE", VariableForm::Text),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN", VariableForm::Text),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", VariableForm::Text),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", VariableForm::Vault),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", VariableForm::Text),
    ("AWS_DEFAULT_REGION", VariableForm::Region),
    ("AWS_DISABLE_CLOCK_SKEW_CORRECTION", VariableForm::Text),
    ("AWS_DISABLE_REQUEST_COMPRESSION", VariableForm::Text),
    ("AWS_EC2_METADATA_DISABLED", VariableForm::Text),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", VariableForm::Url),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", VariableForm::Text),
    ("AWS_ENDPOINT_URL", VariableForm::Url),
    ("AWS_ENDPOINT_URL_CLOUDWATCH", VariableForm::Url),
    ("AWS_ENDPOINT_URL_CODECOMMIT", VariableForm::Url),
    ("AWS_ENDPOINT_URL_EVENTBRIDGE", VariableForm::Url),
    ("AWS_ENDPOINT_URL_FIS", VariableForm::Url),
    ("AWS_ENDPOINT_URL_S3", VariableForm::Url),
    ("AWS_ENDPOINT_URL_SQS", VariableForm::Url),
    ("AWS_ENDPOINT_URL_SSO", VariableForm::Url),
    ("AWS_ENDPOINT_URL_SSO_OIDC", VariableForm::Url),
    ("AWS_ENDPOINT_URL_STS", VariableForm::Url),
    ("AWS_EXECUTION_ENV", VariableForm::Text),
    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", VariableForm::Text),
    ("AWS_LAMBDA_FUNCTION_NAME", VariableForm::Text),
    ("AWS_MAX_ATTEMPTS", VariableForm::Text),
    ("AWS_NEW_RETRIES_2026", VariableForm::Text),
    ("AWS_PROFILE", VariableForm::Text),
    ("AWS_REGION", VariableForm::Region),
    ("AWS_REQUEST_CHECKSUM_CALCULATION", VariableForm::Text),
    ("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", VariableForm::Text),
    ("AWS_RESPONSE_CHECKSUM_VALIDATION", VariableForm::Text),
    ("AWS_RETRY_MODE", VariableForm::Text),
    ("AWS_ROLE_ARN", VariableForm::Text),
    ("AWS_ROLE_SESSION_NAME", VariableForm::Text),
    ("AWS_SDK_UA_APP_ID", VariableForm::Text),
    ("AWS_SECRET_ACCESS_KEY", VariableForm::Key),
    ("AWS_SESSION_TOKEN", VariableForm::Key),
    ("AWS_SHARED_CREDENTIALS_FILE", VariableForm::Text),
    ("AWS_SIGV4A_SIGNING_REGION_SET", VariableForm::Text),
    ("AWS_USE_DUALSTACK_ENDPOINT", VariableForm::Text),
    ("AWS_USE_FIPS_ENDPOINT", VariableForm::Text),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", VariableForm::Text),
    ("HOME", VariableForm::Path),
    ("HTTPS_PROXY", VariableForm::Text),
    ("HTTP_PROXY", VariableForm::Text),
    ("NO_PROXY", VariableForm::Text),
    // Another name of AWS_SECRET_ACCESS_KEY, which the SDK reads as well.
    ("SECRET_ACCESS_KEY", VariableForm::Key),
    ("SMITHY_CLIENT_SDK_CUSTOM_PARTITION", VariableForm::Never),
    ("SSL_CERT_DIR", VariableForm::Path),
    ("SSL_CERT_FILE", VariableForm::Path),
    ("_X_AMZN_TRACE_ID", VariableForm::Text),
    ("all_proxy", VariableForm::Text),
    ("http_proxy", VariableForm::Text),
    ("https_proxy", VariableForm::Text),
    ("no_proxy", VariableForm::Text),
];

/// Prefixes of variables that the SDK may come to read in later versions.
const PREFIXES: &[(&str, VariableForm)] = &[
    ("AWS_ENDPOINT_URL_", VariableForm::Url),
    ("AWS_", VariableForm::Text),
    ("OTEL_", VariableForm::Text),
    ("SMITHY_", VariableForm::Text),
];

/// Prefixes of variables that the clients of AWS alone read. The others name proxies and certificates, which
/// count for all clients.
const OF_AWS: &[&str] = &["AWS_", "SECRET_ACCESS_KEY", "SMITHY_", "_X_AMZN_TRACE_ID"];

fn form(name: &OsStr) -> Option<VariableForm> {
    let name = name.to_str()?;
    let listed = FOREIGN.iter().find(|(known, _)| *known == name);
    listed.or_else(|| PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix))).map(|(_, form)| *form)
}

/// The value of a variable as every library has to see it: without blanks around it. Returns `None` if the
/// variable is foreign and blank, so that it has to be removed.
fn clean_value(name: &OsStr, value: &OsStr) -> Option<OsString> {
    match value.to_str() {
        Some(text) if form(name).is_some() => {
            Some(text.trim()).filter(|text| !text.is_empty()).map(OsString::from)
        }
        // A value that is not UTF-8 stays, and is told as a mistake when it is judged.
        _ => Some(value.to_owned()),
    }
}

/// The environment, with the variables of libraries as they are to see them.
pub fn clean(env: &Environment) -> Environment {
    Environment::from_pairs(env.iter().filter_map(|(n, v)| Some((n.to_owned(), clean_value(n, v)?))))
}

/// The readers of the variables whose mistakes are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// The AWS SDK.
    Aws,
    /// All clients that send requests.
    Clients,
}

impl Readers {
    fn read(self, name: &str) -> bool {
        OF_AWS.iter().any(|own| name.starts_with(own)) == (self == Self::Aws)
    }
}

/// The mistakes in the variables of these readers. No value is repeated, since any may be a secret.
pub fn mistakes(env: &Environment, readers: Readers) -> Vec<Mistake> {
    let of_them = env.iter().filter_map(|(name, value)| {
        let form = form(name)?;
        let name = name.to_str().filter(|name| readers.read(name))?;
        let value = clean_value(OsStr::new(name), value)?;
        if value.to_str().is_some_and(unreplaced::is_reference) {
            return Some(unreplaced::mistake(name, name));
        }
        let problem = judge(form, &value).err()?;
        let mistake = Mistake::new(name, format!("{name}: the value {}", problem.what));
        Some(mistake.maybe_hint(problem.hint))
    });
    of_them.collect()
}

fn judge(form: VariableForm, value: &OsStr) -> Result<(), Problem> {
    let text = match (form, value.to_str()) {
        (VariableForm::Never, _) => {
            return Err(Problem::new("cannot be used by faultgate").hint("unset it"));
        }
        (VariableForm::Path, None) => return Ok(()),
        (_, None) => return Err(Problem::new("is not valid UTF-8").hint("write it in UTF-8, or unset it")),
        (_, Some(text)) => text,
    };
    if text.chars().any(char::is_control) {
        return Err(Problem::new("holds a line break or another control character")
            .hint("set it again, on one line, or unset it"));
    }
    match form {
        VariableForm::Text | VariableForm::Path | VariableForm::Never => Ok(()),
        VariableForm::Key => key(text),
        VariableForm::Region => syntax::region(text).map(drop),
        VariableForm::Url => syntax::url(text).map(drop),
        VariableForm::Vault => syntax::url(text).and_then(|_| vault(text)),
    }
}

/// Refuses plain http to another machine. It is safe to this machine, and to the addresses beside it that
/// container services give.
fn vault(text: &str) -> Result<(), Problem> {
    let Ok(url) = reqwest::Url::parse(text) else { return Ok(()) };
    let host = url.host_str().unwrap_or_default();
    let is_near = match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            // The container credentials of EKS and the metadata of EC2 are in fd00:ec2::/32.
            let of_aws = address.segments()[..2] == [0xfd00, 0xec2];
            address.is_loopback() || address.is_unicast_link_local() || of_aws
        }
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    };
    if url.scheme() != "http" || is_near {
        return Ok(());
    }
    Err(Problem::new(
        "is plain http to another machine, so anybody between could take the token and the credentials",
    )
    .hint("use an https address, or unset it"))
}

/// Checks the Region that the SDK has found, in whichever place.
pub fn aws_region(text: &str) -> Result<(), Mistake> {
    let origin = "AWS_REGION, the profile's region, or the machine's";
    syntax::region(text).map(drop).map_err(|problem| problem.at("region", text, origin, None))
}

/// Checks an endpoint that the SDK has found, in a variable or in a profile.
pub fn aws_endpoint(service: &str, text: &str) -> Result<(), Mistake> {
    let origin = "AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_<SERVICE>, or the profile's endpoint_url";
    let name = format!("the endpoint of {service}");
    syntax::url(text)
        .map(drop)
        .map_err(|problem| Problem { hide: true, ..problem }.at(&name, text, origin, None))
}

/// The mistakes in the variables of the AWS SDK.
pub fn aws_mistakes(env: &Environment) -> Vec<Mistake> {
    mistakes(env, Readers::Aws)
}

/// Checks a part of AWS credentials.
fn key(text: &str) -> Result<(), Problem> {
    let in_quotes = ['"', '\''].iter().any(|quote| text.starts_with(*quote) && text.ends_with(*quote));
    if text.bytes().all(|byte| byte.is_ascii_graphic()) && !in_quotes {
        return Ok(());
    }
    Err(Problem::new("stands in quotes, or holds a blank or a letter that no key of AWS's has")
        .hint("set it to the key alone"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(name: &str, value: &str) -> Vec<String> {
        let env = Environment::from_pairs([(name, value)]);
        let all = [Readers::Aws, Readers::Clients].into_iter().flat_map(|readers| mistakes(&env, readers));
        all.map(|mistake| mistake.to_string()).collect()
    }

    #[test]
    fn what_is_listed_is_in_order_and_once() {
        assert!(FOREIGN.is_sorted_by(|one, other| one.0 < other.0));
    }

    #[test]
    fn blank_is_unset_and_blanks_around_a_value_are_cut_off() {
        let env = Environment::from_pairs([
            ("AWS_ENDPOINT_URL_CLOUDWATCH", ""),
            ("AWS_ACCESS_KEY_ID", " AKID\r\n"),
            ("OTEL_TRACES_EXPORTER", "\n"),
            ("SSL_CERT_FILE", " "),
            ("MINE", " \n"),
        ]);
        let clean = clean(&env);
        let left: Vec<_> = clean.iter().collect();
        let want = [("AWS_ACCESS_KEY_ID", "AKID"), ("MINE", " \n")];
        assert_eq!(left, want.map(|(name, value)| (OsStr::new(name), OsStr::new(value))));
    }

    #[test]
    fn credentials_are_asked_for_in_plain_http_only_nearby() {
        let name = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        for near in [
            "http://127.0.0.1:80/",
            "http://localhost/",
            "http://169.254.170.23/v1",
            "http://[::1]/",
            "http://[fd00:ec2::23]/v1",
            "https://creds.example.com/",
        ] {
            assert_eq!(told(name, near), [""; 0], "{near}");
        }
        for far in
            ["http://10.0.0.1/s3cr3t", "http://creds.example.com/s3cr3t", "http://[2001:db8::1]/s3cr3t"]
        {
            let told = told(name, far).concat();
            assert!(told.contains(name) && told.contains("plain http") && !told.contains("s3cr3t"), "{told}");
        }
    }

    #[test]
    fn what_stays_inside_is_a_mistake_that_names_the_variable_and_not_its_value() {
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "s3cr3t\ns3cr3t"),
            ("AWS_SECRET_ACCESS_KEY", "\"s3cr3t\""),
            ("AWS_SESSION_TOKEN", "s3cr3t s3cr3t"),
            ("SECRET_ACCESS_KEY", "s3cr3té"),
            ("AWS_REGION", "s3cr3t\n"),
            ("AWS_DEFAULT_REGION", "s3cr3t-west-1a"),
            ("AWS_ENDPOINT_URL_SOMETHING_NEW", "s3cr3t://x"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "s3cr3t"),
            ("AWS_SOMETHING_NEW", "s3cr3t\u{7}x"),
            ("OTEL_SERVICE_NAME", "s3cr3t\tx"),
            ("no_proxy", "s3cr3t\nx"),
            ("SSL_CERT_DIR", "/s3cr3t\n/x"),
            ("SMITHY_CLIENT_SDK_CUSTOM_PARTITION", "s3cr3t"),
            ("AWS_PROFILE", "${s3cr3t}"),
        ] {
            let told = told(name, value);
            let [one] = &told[..] else { panic!("{name}: {told:?}") };
            assert!(one.starts_with(&format!("{name}: the value ")) && !one.contains("s3cr3t"), "{one}");
        }
    }

    #[test]
    fn a_zone_is_told_as_one_with_the_region_to_write() {
        let told = told("AWS_REGION", "eu-west-1a");
        assert!(told[0].contains("Availability Zone") && told[0].contains("write eu-west-1"), "{told:?}");
    }

    #[test]
    fn what_is_usual_is_no_mistake() {
        for (name, value) in [
            ("AWS_REGION", "us-gov-west-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
            ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjE+/=="),
            ("AWS_CONFIG_FILE", "/home/a b/config"),
            ("AWS_EXECUTION_ENV", "CodeBuild"),
            ("NO_PROXY", "a.example, b.example"),
            ("MINE", "a\nb"),
        ] {
            assert_eq!(told(name, value), [""; 0], "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_clean_stays_as_it_is(value in "[ \\n\\ra-c\u{a0}]{0,6}") {
            let once = clean(&Environment::from_pairs([("AWS_PROFILE", value)]));
            prop_assert_eq!(clean(&once), once);
        }
    }
}
