//! The policy, which says what those who own the platform allow. Its schema is docs/policy.schema.json.
//!
//! A policy must allow the suite that is written beside it, so it is made of the same answers.

use std::fmt::Write;

use super::engines::find_entry;
use super::texts::{make_schema_line, quote};
use faultgate_config::{Answers, Platform};

/// Returns the policy for these answers.
pub(super) fn render(answers: &Answers) -> String {
    let mut policy = make_schema_line("policy.schema.json");
    policy.push_str("# What experiments may do. It belongs to those who own the platform, and not to the repository under test, since a\n");
    policy.push_str("# pull request could change it there. Move it to where they alone may change it:\n");
    policy.push_str(explain_protection(answers.platform));
    policy.push_str("# It holds for jobs whose variable FAULTGATE_POLICY, or flag --policy, names it.\n");
    policy.push_str("version: 1\n\nallow:\n");
    let _ = writeln!(policy, "  engines: [{}]", answers.engine.as_str());
    if let Some(account) = find_account(answers) {
        let _ = writeln!(policy, "  accounts: [{}]", quote(account));
    }
    if let Some(region) = answers.get("aws-region") {
        let _ = writeln!(policy, "  regions: [{}]", quote(region));
    }
    let has_stop_conditions = find_entry(answers.engine).has_stop_conditions;
    let probes = answers.get("probe-url").is_some();
    if has_stop_conditions || probes {
        policy.push_str("\nrequire:\n");
    }
    if has_stop_conditions {
        policy.push_str("  stop-condition: true\n");
    }
    if probes {
        policy.push_str("  probes: true\n");
    }
    policy.push_str("\nlimits:\n  duration: 30m\n  parallel: 1\n  experiments: 20\n");
    if has_stop_conditions {
        policy.push_str("  # Resources that one experiment may hit, as a preview counts them before anything is launched.\n");
        policy.push_str("  # targets: 10\n");
    }
    policy.push_str("\n# When experiments may be launched. UTC where there is no zone.\n# windows:\n");
    policy.push_str("#   - { allow: \"mon-thu 09:00-16:00\", zone: Europe/Berlin }\n");
    policy.push_str("#   - { deny: \"2026-12-20..2027-01-05\" }\n");
    policy
}

/// Returns the comment that names places on the platform where only its owners may change a file.
fn explain_protection(platform: Platform) -> &'static str {
    match platform {
        Platform::GitHub => {
            "# a repository of theirs, or a path whose line in CODEOWNERS names them, with required reviews on the branch.\n"
        }
        Platform::GitLab => "# a project of theirs, or a variable of type file of the group, protected.\n",
        Platform::CodeBuild | Platform::CodePipeline => {
            "# a source or a bucket of theirs, named by the project and not by the buildspec.\n"
        }
    }
}

/// Returns the account of the role that is assumed, which is the fifth field of its ARN.
pub(super) fn find_account(answers: &Answers) -> Option<&str> {
    answers.get("aws-role-arn")?.split(':').nth(4)
}
