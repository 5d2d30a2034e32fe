//! Tests of what tells a job from its siblings of a matrix or of a parallel step.

use super::*;

/// The table has a job of each CI, and the values that tell it from its siblings.
#[test]
fn a_job_is_told_from_its_siblings() {
    let table: &[(Pairs<'_>, &[&str])] = &[
        (&[("GITLAB_CI", "true"), ("CI_JOB_NAME", "chaos"), ("CI_NODE_TOTAL", "1")], &[]),
        (
            &[
                ("GITLAB_CI", "true"),
                ("CI_JOB_NAME", "chaos 2/5"),
                ("CI_NODE_INDEX", "2"),
                ("CI_NODE_TOTAL", "5"),
            ],
            &["2/5"],
        ),
        (
            &[
                ("GITLAB_CI", "true"),
                ("CI_JOB_NAME", "chaos: [eu-west-1, blue]"),
                ("CI_NODE_INDEX", "2"),
                ("CI_NODE_TOTAL", "4"),
            ],
            &["eu-west-1, blue"],
        ),
        // A job that has no matrix may have such a name all the same.
        (&[("GITLAB_CI", "true"), ("CI_JOB_NAME", "chaos: [x]"), ("CI_NODE_TOTAL", "1")], &[]),
        (
            &[
                ("BITBUCKET_BUILD_NUMBER", "1"),
                ("BITBUCKET_PARALLEL_STEP", "0"),
                ("BITBUCKET_PARALLEL_STEP_COUNT", "2"),
            ],
            &["1/2"],
        ),
        (
            &[("BUILDKITE", "true"), ("BUILDKITE_PARALLEL_JOB", "4"), ("BUILDKITE_PARALLEL_JOB_COUNT", "5")],
            &["5/5"],
        ),
        (
            &[("BUILDKITE", "true"), ("BUILDKITE_PARALLEL_JOB", "5"), ("BUILDKITE_PARALLEL_JOB_COUNT", "5")],
            &[],
        ),
        (&[("CIRCLECI", "true"), ("CIRCLE_NODE_INDEX", "1"), ("CIRCLE_NODE_TOTAL", "3")], &["2/3"]),
        (&[("CIRCLECI", "true"), ("CIRCLE_NODE_INDEX", "0"), ("CIRCLE_NODE_TOTAL", "1")], &[]),
        (
            &[("TF_BUILD", "True"), ("SYSTEM_JOBPOSITIONINPHASE", "1"), ("SYSTEM_TOTALJOBSINPHASE", "2")],
            &["1/2"],
        ),
        (&[("TF_BUILD", "True"), ("SYSTEM_JOBPOSITIONINPHASE", "0"), ("SYSTEM_TOTALJOBSINPHASE", "2")], &[]),
        (&[("CODEBUILD_BUILD_ID", "chaos:1"), ("CODEBUILD_BATCH_BUILD_IDENTIFIER", "eu")], &["eu"]),
        (&[("GITHUB_ACTIONS", "true")], &[]),
    ];
    for (variables, expected) in table {
        assert_eq!(in_env(&[variables]).part, *expected, "{variables:?}");
    }
}

#[test]
fn a_matrix_that_is_given_tells_it_too() {
    let table: &[(&str, &[&str])] = &[
        ("{\n  \"region\": \"eu-west-1\",\n  \"color\": \"blue\"\n}", &["eu-west-1", "blue"]),
        ("{\"n\":3,\"on\":true,\"deep\":{\"a\":[1]}}", &["3", "true", "{\"a\":[1]}"]),
        ("null", &[]),
        ("{}", &[]),
        ("blue", &["blue"]),
        ("${{ toJSON(matrix) }}", &[]),
    ];
    for (matrix, expected) in table {
        let given = Overrides { matrix: Some(matrix), ..Overrides::default() };
        let found = in_env(&[&[("GITHUB_ACTIONS", "true")]]).with(&given);
        let told: Vec<&str> = found.part.iter().map(String::as_str).collect();
        // The order is not compared. GitHub takes it from the workflow, and gives all jobs of a matrix the
        // same one.
        assert_eq!(told.len(), expected.len(), "{matrix}");
        assert!(expected.iter().all(|value| told.contains(value)), "{matrix}: {told:?}");
    }
}

#[test]
fn siblings_on_one_runner_do_not_share_a_launch() {
    let job: Pairs<'_> = &[("GITHUB_ACTIONS", "true"), ("GITHUB_RUN_ID", "1"), ("RUNNER_NAME", "r1")];
    let key = |matrix| {
        let given = Overrides { matrix: Some(matrix), ..Overrides::default() };
        in_env(&[job]).with(&given).identity("aaaaaaaa").attempt_key
    };
    assert_ne!(key("{\"region\":\"eu-west-1\"}"), key("{\"region\":\"us-east-1\"}"));
    assert_eq!(key("null"), in_env(&[job]).identity("aaaaaaaa").attempt_key);
}

/// The table has the variables of jobs, the number of jobs by the settings, and the shard or why there is none.
#[test]
fn an_automatic_shard_is_told_by_the_engine() {
    let table: &[(Pairs<'_>, Option<u32>, &str)] = &[
        (&[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "5")], None, "1/5"),
        (&[("CI_NODE_INDEX", "5"), ("CI_NODE_TOTAL", "5")], Some(5), "5/5"),
        (&[("BUILDKITE_PARALLEL_JOB", "0"), ("BUILDKITE_PARALLEL_JOB_COUNT", "2")], None, "1/2"),
        (&[("CIRCLE_NODE_INDEX", "0"), ("CIRCLE_NODE_TOTAL", "1")], None, "1/1"),
        (&[("SYSTEM_JOBPOSITIONINPHASE", "2"), ("SYSTEM_TOTALJOBSINPHASE", "2")], None, "2/2"),
        (&[("BITBUCKET_PARALLEL_STEP", "1"), ("BITBUCKET_PARALLEL_STEP_COUNT", "2")], None, "2/2"),
        (&[("AWS_BATCH_JOB_ARRAY_INDEX", "0")], Some(2_000), "1/2000"),
        (&[("JOB_COMPLETION_INDEX", "6")], Some(7), "7/7"),
        // A pod of the executor that runs the job, with the same number, contradicts nothing.
        (
            &[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3"), ("JOB_COMPLETION_INDEX", "1")],
            None,
            "is not enough",
        ),
        (&[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3"), ("JOB_COMPLETION_INDEX", "1")], Some(3), "2/3"),
        (
            &[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3"), ("JOB_COMPLETION_INDEX", "2")],
            Some(3),
            "cannot be known: this job is 2/3 by CI_NODE_INDEX, and 3/3 by JOB_COMPLETION_INDEX",
        ),
        (
            &[("AWS_BATCH_JOB_ARRAY_INDEX", "3")],
            None,
            "is not enough: AWS_BATCH_JOB_ARRAY_INDEX tells the job",
        ),
        (
            &[("AWS_BATCH_JOB_ARRAY_INDEX", "3")],
            Some(3),
            "is no part of the suite: AWS_BATCH_JOB_ARRAY_INDEX is \"3\", and of 3 jobs it is 0 to 2",
        ),
        (
            &[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "3")],
            None,
            "is no part of the suite: CI_NODE_INDEX is \"0\"",
        ),
        (
            &[("CI_NODE_INDEX", "4"), ("CI_NODE_TOTAL", "3")],
            None,
            "is no part of the suite: CI_NODE_INDEX is \"4\"",
        ),
        (
            &[("CI_NODE_INDEX", "x"), ("CI_NODE_TOTAL", "3")],
            None,
            "is no part of the suite: CI_NODE_INDEX is \"x\"",
        ),
        (
            &[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "many")],
            Some(3),
            "cannot be known: CI_NODE_TOTAL is \"many\"",
        ),
        (&[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "5")], Some(4), "contradicts the engine"),
        (&[("CI_NODE_TOTAL", "1")], None, "finds no engine"),
        (&[], Some(4), "finds no engine"),
    ];
    for (variables, total, expected) in table {
        let env = Environment::from_pairs(variables.iter().copied());
        let found = match find_shard(&env, *total) {
            Ok(shard) => shard.to_string(),
            Err(problem) => {
                assert!(problem.hint.is_some() || problem.what.starts_with("cannot"), "{problem:?}");
                problem.what
            }
        };
        assert!(found.starts_with(expected), "{variables:?} {total:?}: {found}");
    }
}
