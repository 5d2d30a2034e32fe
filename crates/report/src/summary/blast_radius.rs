//! The table of what a preview has counted, for a summary and for the comment before the launch.

use super::lists::table;
use super::safe::{md, without_accounts};
use faultgate_core::model::PreviewRecord;

/// Returns the table of one preview. It is empty where the experiment has no targets.
pub(super) fn render_preview(preview: &PreviewRecord) -> String {
    let rows = preview.targets.iter().map(|target| {
        let told = |text: &Option<String>| text.as_deref().map(md).unwrap_or_default();
        let (account, region) = (told(&target.account), told(&target.region));
        let count = if target.count == 0 { "**nothing**".to_owned() } else { target.count.to_string() };
        format!("| {} | {} | {account} | {region} | {count} |\n", md(&target.name), md(&target.resource_type))
    });
    table(&["Target in the preview", "Type", "Account", "Region", "Resources"], rows)
}

/// Returns the page that tells what is about to be hit, within so many bytes. `previews` are those of the
/// run, each with the name of its experiment. Ids of accounts are left out if the page hides them.
pub(crate) fn render_foretold(
    previews: &[(&str, &PreviewRecord)],
    budget: usize,
    hides_accounts: bool,
) -> String {
    let mut page =
        "### faultgate is about to launch\n\nNothing has been touched yet. A preview resolved:\n\n"
            .to_owned();
    for (place, (name, preview)) in previews.iter().enumerate() {
        let part = format!("**{}**: {}\n\n{}", md(name), md(&preview.describe()), render_preview(preview));
        let line = format!("**{}**: {}\n\n", md(name), md(&preview.describe()));
        let more = format!("and {} more experiments\n", previews.len() - place);
        if page.len() + part.len() + more.len() <= budget {
            page.push_str(&part);
        } else if page.len() + line.len() + more.len() <= budget {
            page.push_str(&line);
        } else {
            page.push_str(&more);
            break;
        }
    }
    if hides_accounts { without_accounts(&page) } else { page }
}

#[cfg(test)]
mod tests {
    use faultgate_core::model::ResourceCount;

    use super::*;

    fn preview(count: u64) -> PreviewRecord {
        let target = ResourceCount {
            name: "web|tasks".to_owned(),
            resource_type: "aws:ecs:task".to_owned(),
            account: Some("111122223333".to_owned()),
            region: Some("eu-west-1".to_owned()),
            count,
        };
        let empty =
            ResourceCount { name: "db".to_owned(), account: None, region: None, count: 0, ..target.clone() };
        PreviewRecord::new("EXP1", 900, vec![target, empty])
    }

    #[test]
    fn what_is_about_to_be_hit_is_told_by_account_and_region() {
        let preview = preview(3);
        let page = render_foretold(&[("az", &preview)], 10_000, false);
        assert!(page.contains("Nothing has been touched yet"), "{page}");
        assert!(page.contains("**az**: 3 resources: 3 aws:ecs:task"), "{page}");
        assert!(page.contains("| 111122223333 | eu-west-1 | 3 |"), "{page}");
        assert!(page.contains("|  |  | **nothing** |"), "{page}");
    }

    #[test]
    fn a_page_keeps_to_its_budget_and_says_what_it_leaves_out() {
        let preview = preview(3);
        let previews: Vec<_> = (0..200).map(|_| ("experiment", &preview)).collect();
        for budget in [400, 2_000, 20_000] {
            let page = render_foretold(&previews, budget, false);
            assert!(page.len() <= budget, "{} of {budget}", page.len());
            assert!(page.contains(" more experiments"), "{page}");
        }
    }
}
