//! The place of a run in a pipeline: what its CI, its checkout and the user's settings say about it.

use std::path::Path;

use faultgate_config::ReportSettings;
use faultgate_core::environment::Environment;
use faultgate_core::model::ForgeKind;
use faultgate_report::ci;
use faultgate_report::ci::{Checkout, Ci, Overrides, Surroundings};

/// Finds the surroundings of a run: what the CI says, overridden by the user's settings.
pub(crate) fn find_surroundings(settings: &ReportSettings, env: &Environment) -> Surroundings {
    let is_given = |kind: &ForgeKind| settings.tokens.for_forge(*kind).is_some();
    detect_surroundings(env).with(&Overrides {
        forge: settings.forge,
        forge_api_url: settings.forge_api_url.as_deref(),
        run_url: settings.run_url.as_deref(),
        environment: settings.environment.as_deref(),
        repository: settings.repository.as_deref(),
        commit: settings.commit.as_deref(),
        pull_request: settings.pull_request,
        matrix: settings.matrix.as_deref(),
        tokens: ForgeKind::ALL.into_iter().filter(|kind| is_told_by_token(*kind)).filter(is_given).collect(),
    })
}

/// Returns `true` if a token for this forge tells that the forge is this one.
fn is_told_by_token(kind: ForgeKind) -> bool {
    match kind {
        ForgeKind::GitHub | ForgeKind::GitLab | ForgeKind::Bitbucket => true,
        // The token of Gitea and Forgejo is the input of GitHub's, which by itself means GitHub. CodeCommit is
        // reached by the credentials of AWS, which a run has for its experiments too.
        ForgeKind::Gitea | ForgeKind::Forgejo | ForgeKind::CodeCommit => false,
    }
}

/// Detects what the CI says about the run. The checkout fills in what the CI does not say.
pub(crate) fn detect_surroundings(env: &Environment) -> Surroundings {
    let event = Surroundings::event_path(env).and_then(|path| ci::read_event(Path::new(path)));
    let checkout = Checkout::read(Path::new("."));
    Surroundings::detect(env, event.as_ref(), checkout.as_ref())
}

/// Finds what the CI and the user say about the repository and the commit. Outside of a CI the checkout is
/// ignored, because a result can be rendered anywhere.
pub(crate) fn find_provenance(
    env: &Environment,
    repository: Option<&str>,
    commit: Option<&str>,
) -> Surroundings {
    let detected = detect_surroundings(env);
    let told = if detected.ci == Ci::None { Surroundings::default() } else { detected };
    told.with(&Overrides { repository, commit, ..Overrides::default() })
}

#[cfg(test)]
mod tests {
    use faultgate_config::Tokens;
    use faultgate_core::secret::Secret;

    use super::*;

    /// A token that several forges take tells at most one of them, or no forge would be told by it.
    #[test]
    fn each_token_tells_at_most_one_forge() {
        let secret = |text| Some(Secret::new(text));
        let all = Tokens {
            github: secret("one"),
            gitlab: secret("two"),
            bitbucket: secret("three"),
            ..Tokens::default()
        };
        let told = ForgeKind::ALL.into_iter().filter(|kind| is_told_by_token(*kind));
        let tokens: Vec<_> = told.map(|kind| all.for_forge(kind).unwrap().expose()).collect();
        assert_eq!(tokens, ["one", "two", "three"]);
    }
}
