//! Tests of entries that find their experiments by a query.

use std::fs;

use faultgate_core::environment::Environment;
use faultgate_core::model::{EngineSpec, PlanItem, PlanOrigin};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{MembersFrom, Outside, Settings, load};

const SUITE: &str = "version: 1
aws-role-arn: arn:aws:iam::999999999999:role/hub
experiments:
  - { name: first, command: { run: [\"true\"] } }
  - name: nightly
    weight: 3
    timeout: 20m
    fis:
      templates: { tags: { chaos: nightly, team: shop } }
      regions: [eu-west-1, us-gov-west-1, eu-west-1]
      accounts: { file: accounts.txt, role: path/chaos }
  - { name: here, fis: { templates: { tags: { a: b } }, region: eu-west-1 } }
";

fn load_with(
    suite: &str,
    flags: &[(&str, &str)],
    found: Option<&QueryAnswers>,
) -> Result<Settings, Vec<String>> {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(".faultgate.yml"), suite).unwrap();
    let accounts = "\u{feff}# ours\n222222222222 # shop\n\n111111111111\n222222222222\n";
    fs::write(dir.path().join("accounts.txt"), accounts).unwrap();
    fs::write(dir.path().join("bad.txt"), "111111111111\nshop\n1\n").unwrap();
    fs::write(dir.path().join("empty.txt"), "# nobody\n").unwrap();
    let flags = flags.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    load(&Environment::default(), flags, dir.path(), Outside { found, ..Outside::default() }, &[])
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

fn found_at(account: Option<&str>, region: &str, template: &str) -> FoundTemplate {
    FoundTemplate {
        account: account.map(str::to_owned),
        region: Some(region.to_owned()),
        template: template.to_owned(),
    }
}

fn answers() -> QueryAnswers {
    QueryAnswers::Asked(BTreeMap::from([
        (
            "nightly".to_owned(),
            vec![
                found_at(Some("222222222222"), "eu-west-1", "EXTb"),
                found_at(Some("111111111111"), "us-gov-west-1", "EXTa"),
                found_at(Some("111111111111"), "eu-west-1", "EXTb"),
                found_at(Some("111111111111"), "eu-west-1", "EXTB"),
            ],
        ),
        ("here".to_owned(), vec![found_at(None, "eu-west-1", "EXTz")]),
    ]))
}

fn names(settings: &Settings) -> Vec<&str> {
    settings.plan.experiments.iter().map(|experiment| experiment.name.as_str()).collect()
}

#[test]
fn queries_are_told_to_whoever_asks_them() {
    let settings = load_with(SUITE, &[], None).unwrap();
    assert_eq!(names(&settings), ["first"], "the rest is not known");
    assert_eq!((settings.plan.suite_size, settings.has_queries), (None, true));
    let [nightly, here] = settings.queries.as_slice() else { panic!("{:?}", settings.queries) };
    let members = nightly.members.clone().unwrap();
    assert_eq!(members.from, MembersFrom::Listed(vec!["111111111111".to_owned(), "222222222222".to_owned()]));
    assert_eq!(nightly.tags.len(), 2);
    assert_eq!(nightly.regions, [Some("eu-west-1".to_owned()), Some("us-gov-west-1".to_owned())]);
    let role = nightly.role_in(Some("111111111111"), Some("us-gov-west-1"));
    assert_eq!(role.as_deref(), Some("arn:aws-us-gov:iam::111111111111:role/path/chaos"));
    assert_eq!((here.members.clone(), here.regions.clone()), (None, vec![Some("eu-west-1".to_owned())]));
    assert_eq!(here.role_in(None, None).as_deref(), Some("arn:aws:iam::999999999999:role/hub"));
    let mistake = nightly.mistake("no").to_string();
    assert_eq!(mistake, "nightly: no (from .faultgate.yml:9:7)");
    let rehearsed = load_with(SUITE, &[("rehearsal", "x")], None);
    assert_eq!(rehearsed.unwrap_err().len(), 1, "only the scenario is unknown, and nobody is asked");
}

#[test]
fn an_entry_becomes_an_experiment_for_each_template_account_and_region() {
    let settings = load_with(SUITE, &[], Some(&answers())).unwrap();
    assert_eq!(settings.queries, []);
    let all = names(&settings);
    assert_eq!(all.len(), 6);
    assert_eq!(
        (all[0], all[4], all[5]),
        ("first", "nightly-extb-222222222222-eu-west-1", "here-extz-eu-west-1")
    );
    assert_eq!(all[3], "nightly-exta-111111111111-us-gov-west-1");
    // Ids that differ in capitals alone have a digest in their names.
    assert!(all[1].starts_with("nightly-extb-111111111111-eu-west-1-") && all[1] != all[2], "{all:?}");
    let second = &settings.plan.experiments[4];
    assert_eq!((second.weight, second.timeout.as_secs()), (3, 1200));
    let EngineSpec::Fis { region, role_arn, .. } = &second.spec else { panic!("{second:?}") };
    assert_eq!(region.as_deref(), Some("eu-west-1"));
    assert_eq!(role_arn.as_deref(), Some("arn:aws:iam::222222222222:role/path/chaos"));
    assert_eq!((settings.plan.suite_size, settings.plan.is_part), (Some(6), false));
}

#[test]
fn items_of_a_query_are_taken_back_without_asking_again() {
    let whole = load_with(SUITE, &[], Some(&answers())).unwrap();
    let record = whole.plan.suite.clone().unwrap();
    let origin = PlanOrigin { run: "run".to_owned(), suite: record.digest.clone(), suite_size: Some(6) };
    for experiment in &whole.plan.experiments {
        let item = PlanItem::of(experiment, &origin);
        let only = serde_json::to_string(&item).unwrap();
        let part = load_with(SUITE, &[("only", &only)], None).unwrap();
        assert_eq!(
            (&part.plan.experiments[..], part.queries.as_slice()),
            (&[experiment.clone()][..], &[][..])
        );
        let suite = part.plan.suite.unwrap();
        assert_eq!((suite.digest, suite.experiments.len()), (record.digest.clone(), 0));
        assert_eq!((part.plan.suite_size, part.plan.is_part), (Some(6), true));
    }
    let item = PlanItem::of(&whole.plan.experiments[4], &origin);
    let foreign =
        PlanItem { role_arn: Some("arn:aws:iam::222222222222:role/admin".to_owned()), ..item.clone() };
    let elsewhere = PlanItem { region: Some("us-east-1".to_owned()), ..item.clone() };
    let heavier = PlanItem { weight: 100, ..item.clone() };
    let renamed = PlanItem { experiment: "nightly-x".to_owned(), ..item.clone() };
    // The suite has changed since the plan was made: a floor was lowered.
    let lowered = SUITE.replace("    weight: 3\n", "    weight: 3\n    expected-resilience-score: 10\n");
    let only = serde_json::to_string(&item).unwrap();
    let told = load_with(&lowered, &[("only", &only)], None).unwrap_err();
    assert!(told.len() == 1 && told[0].contains("otherwise"), "{told:?}");
    let only = serde_json::to_string(&PlanItem { digest: None, ..item }).unwrap();
    assert!(load_with(&lowered, &[("only", &only)], None).is_ok(), "an earlier version made it");
    for (item, want) in
        [(foreign, "otherwise"), (elsewhere, "otherwise"), (heavier, "otherwise"), (renamed, "names")]
    {
        let only = serde_json::to_string(&item).unwrap();
        let told = load_with(SUITE, &[("only", &only)], None).unwrap_err();
        assert!(told.len() == 1 && told[0].contains(want), "{told:?}");
    }
}

#[test]
fn items_that_a_query_cannot_have_found_are_mistakes() {
    let suite = "version: 1
experiments:
  - name: n
    fis: { templates: { tags: { chaos: nightly } }, regions: [us-east-1] }
";
    let found = ["EXTa", "EXTb"].map(|template| found_at(None, "us-east-1", template));
    let answers = QueryAnswers::Asked(BTreeMap::from([("n".to_owned(), found.to_vec())]));
    let whole = load_with(suite, &[], Some(&answers)).unwrap();
    let digest = whole.plan.suite.clone().unwrap().digest;
    let told = |suite_size: usize, change: fn(&mut PlanItem)| {
        let origin =
            PlanOrigin { run: "run".to_owned(), suite: digest.clone(), suite_size: Some(suite_size) };
        let mut items: Vec<PlanItem> =
            whole.plan.experiments.iter().map(|experiment| PlanItem::of(experiment, &origin)).collect();
        items.iter_mut().for_each(change);
        load_with(suite, &[("only", &serde_json::to_string(&items).unwrap())], None).map(|_| ())
    };
    assert_eq!(told(2, |_| {}), Ok(()));
    let names = told(2, |item| item.template = Some("EXTother".to_owned())).unwrap_err();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(|one| one.contains("which is no experiment of the suite")), "{names:?}");
    let sizes = told(1, |_| {}).unwrap_err().join("\n");
    assert!(sizes.contains("holds more items than its suite has experiments"), "{sizes}");
}

#[test]
fn what_is_wrong_with_a_query_is_told() {
    let told = |fis: &str| {
        load_with(&format!("version: 1\nexperiments: [{{ name: a, fis: {{ {fis} }} }}]"), &[], None)
    };
    for (fis, want) in [
        ("region: eu-west-1", "fis.template: is missing"),
        ("template: EXT1, templates: { tags: { a: b } }", "fis.template: is set beside templates"),
        ("template: EXT1, regions: [eu-west-1]", "fis.regions: is set beside no templates"),
        (
            "template: EXT1, accounts: { unit: ou-ab12-cd34ef56, role: r }",
            "fis.accounts: is set beside no templates",
        ),
        ("templates: {}", "fis.templates.tags: is missing"),
        ("templates: { tags: {} }", "fis.templates.tags: names no tag"),
        (
            "templates: { tags: { a: b } }, region: eu-west-1, regions: eu-west-2",
            "fis.region: is set beside regions",
        ),
        (
            "templates: { tags: { a: b } }, accounts: { role: r }",
            "accounts: is set beside neither unit nor file",
        ),
        ("templates: { tags: { a: b } }, accounts: { unit: ou-ab12-cd34ef56 }", "accounts.role: is missing"),
        (
            "templates: { tags: { a: b } }, accounts: { unit: shop, role: r }",
            "\"shop\" is not the id of a unit",
        ),
        ("templates: { tags: { a: b } }, accounts: { file: none.txt, role: r }", "\"none.txt\" is not there"),
        (
            "templates: { tags: { a: b } }, accounts: { file: bad.txt, role: r }",
            "\"shop\" at line 2 is no id",
        ),
        (
            "templates: { tags: { a: b } }, accounts: { file: empty.txt, role: r }",
            "holds no id of an account",
        ),
        (
            "templates: { tags: { a: b } }, role-arn: 'arn:aws:iam::111111111111:role/r', accounts: { file: \
             accounts.txt, role: r }",
            "fis.role-arn: is set beside accounts",
        ),
        (
            "templates: { tags: { a: b } }, accounts: { file: accounts.txt, role: 'a b' }",
            "is not the name of an IAM role",
        ),
    ] {
        let mistakes = told(fis).unwrap_err();
        assert!(mistakes.iter().any(|mistake| mistake.contains(want)), "{fis}\n{mistakes:?}");
    }
    told("templates: { tags: { a: b } }, accounts: { unit: r-ab12, role: r }, regions: eu-west-1").unwrap();
}

#[test]
fn a_name_that_is_there_twice_is_a_mistake() {
    let suite = SUITE.replace("name: first", "name: here-extz-eu-west-1");
    let told = load_with(&suite, &[], Some(&answers())).unwrap_err();
    assert!(told[0].contains("two experiments are called here-extz-eu-west-1"), "{told:?}");
}

fn some_templates() -> impl Strategy<Value = Vec<FoundTemplate>> {
    let place = (
        prop::option::of("[0-9]{12}"),
        prop::option::of("[a-z]{2}-(west|east)-[1-3]"),
        "EXT[A-Za-c_1é]{1,60}",
    );
    vec(place, 0..40).prop_map(|all| {
        let template = |(account, region, template)| FoundTemplate { account, region, template };
        all.into_iter().map(template).collect()
    })
}

proptest! {
    #[test]
    fn names_are_unique_valid_and_of_the_templates_alone(
        (templates, shuffled) in some_templates().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        entry in "[a-z0-9-]{1,64}",
    ) {
        let query = TemplateQuery {
            entry: entry.clone(),
            tags: BTreeMap::new(),
            regions: vec![None],
            members: None,
            role_arn: None,
            origin: "suite".to_owned(),
            place: None,
        };
        let answered = |templates: Vec<FoundTemplate>| {
            query.expand(Some(&QueryAnswers::Asked(BTreeMap::from([(entry.clone(), templates)])))).unwrap()
        };
        let expanded = answered(templates.clone());
        prop_assert_eq!(&answered(shuffled), &expanded);
        let distinct: BTreeSet<_> = templates.into_iter().collect();
        let names: BTreeSet<_> = expanded.iter().map(|(name, _)| name.clone()).collect();
        prop_assert_eq!(names.len(), distinct.len());
        for name in names {
            prop_assert!(crate::inputs::parse::experiment_name(&name).is_ok(), "{}", name);
        }
    }
}
