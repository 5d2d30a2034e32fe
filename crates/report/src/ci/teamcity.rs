//! The variables of TeamCity, which tells little more than the commit. The rest comes from the checkout, or
//! from inputs.

use super::facts::Facts;
use super::kind::Ci;
use super::surroundings::Surroundings;

pub(super) fn detect(facts: &Facts<'_>) -> Option<Surroundings> {
    facts.get("TEAMCITY_VERSION")?;
    Some(Surroundings {
        ci: Ci::TeamCity,
        run_url: facts.url(&["BUILD_URL"]),
        job: facts.join(&["TEAMCITY_PROJECT_NAME", "TEAMCITY_BUILDCONF_NAME"]),
        commit: facts.commit(&["BUILD_VCS_NUMBER"]),
        short: facts.get_owned("BUILD_NUMBER"),
        ..Surroundings::default()
    })
}
