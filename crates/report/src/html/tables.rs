//! Tables of everything else that is known of an experiment: its states, alarms, actions and targets. They
//! fold on the screen, and are printed as the evidence of what was done to which resources.

use maud::{Markup, html};

use super::scale::Scale;
use super::words::{Detail, MAX_CELL_CHARS, between, fold, maybe_moment, moment, plain, rows, scrolling};
use faultgate_core::model::{ExperimentResult, Target};

/// Maximum number of resources of a target that are named.
const MAX_RESOURCES: usize = 20;

/// Renders a table that scrolls by itself.
pub(super) fn table(label: &str, columns: &[&str], body: &Markup) -> Markup {
    let table = html! {
        table {
            thead { tr { @for column in columns { th scope="col" { (column) } } } }
            tbody { (body) }
        }
    };
    scrolling(label, &table)
}

pub(super) fn states(experiment: &ExperimentResult, scale: &Scale, detail: Detail) -> Markup {
    if experiment.transitions.is_empty() {
        return html! {};
    }
    let body = rows(&experiment.transitions, detail.rows, 6, |transition| {
        html! {
            tr {
                td { (transition.state.as_str()) }
                td.t { (plain(&transition.raw_state, MAX_CELL_CHARS)) }
                td { (scale.offset(transition.at)) }
                td { (moment(transition.at)) }
                td { (between(Some(transition.at), Some(transition.observed_at))) " later, by " (transition.source.as_str()) }
                td.t { (plain(transition.reason.as_deref().unwrap_or_default(), MAX_CELL_CHARS)) }
            }
        }
    });
    let columns = ["State", "Engine's word", "After", "At", "Learned", "Reason"];
    fold("States", &table("States", &columns, &body))
}

/// Renders the table of the changes of the alarms that are stop conditions.
pub(super) fn alarms(experiment: &ExperimentResult, scale: &Scale, detail: Detail) -> Markup {
    if experiment.alarms.is_empty() {
        return html! {};
    }
    let body = rows(&experiment.alarms, detail.rows, 5, |change| {
        html! {
            tr {
                th scope="row" { (plain(&change.alarm, MAX_CELL_CHARS)) }
                td.s { (plain(&change.state, 64)) }
                td { (scale.offset(change.at)) }
                td { (moment(change.at)) }
                td.t { (plain(change.reason.as_deref().unwrap_or_default(), MAX_CELL_CHARS)) }
            }
        }
    });
    fold("Alarms", &table("Alarms", &["Alarm", "Went to", "After", "At", "Reason"], &body))
}

pub(super) fn actions(experiment: &ExperimentResult, detail: Detail) -> Markup {
    if experiment.actions.is_empty() {
        return html! {};
    }
    let body = rows(&experiment.actions, detail.rows, 7, |action| {
        html! {
            tr {
                th scope="row" { (plain(&action.name, MAX_CELL_CHARS)) }
                td.t { code { (plain(&action.action_id, MAX_CELL_CHARS)) } }
                td.s { (plain(&action.state, 64)) }
                td { (maybe_moment(action.started_at)) }
                td { (between(action.started_at, action.ended_at)) }
                td.t { (plain(&action.targets.join(", "), MAX_CELL_CHARS)) }
                td.t { (plain(action.reason.as_deref().unwrap_or_default(), MAX_CELL_CHARS)) }
            }
        }
    });
    let columns = ["Action", "What", "State", "Began", "Took", "Targets", "Reason"];
    fold("Actions", &table("Actions", &columns, &body))
}

pub(super) fn targets(experiment: &ExperimentResult, detail: Detail) -> Markup {
    if experiment.targets.is_empty() {
        return html! {};
    }
    let body = rows(&experiment.targets, detail.rows, 4, |target| {
        html! {
            tr {
                th scope="row" { (plain(&target.name, MAX_CELL_CHARS)) }
                td.t { code { (plain(&target.resource_type, MAX_CELL_CHARS)) } }
                td { (write_count(target)) }
                td.t {
                    ul {
                        @for resource in target.resources.iter().take(MAX_RESOURCES) {
                            li { code { (plain(resource, MAX_CELL_CHARS)) } }
                        }
                    }
                }
            }
        }
    });
    fold("Targets", &table("Targets", &["Target", "Type", "Resolved to", "Some of them"], &body))
}

/// Renders what a preview has counted before the launch.
pub(super) fn previewed_targets(experiment: &ExperimentResult, detail: Detail) -> Markup {
    let Some(preview) = &experiment.preview else { return html! {} };
    let body = rows(&preview.targets, detail.rows, 5, |target| {
        html! {
            tr {
                th scope="row" { (plain(&target.name, MAX_CELL_CHARS)) }
                td.t { code { (plain(&target.resource_type, MAX_CELL_CHARS)) } }
                td { (plain(target.account.as_deref().unwrap_or_default(), MAX_CELL_CHARS)) }
                td { (plain(target.region.as_deref().unwrap_or_default(), MAX_CELL_CHARS)) }
                td { (target.count) }
            }
        }
    });
    let columns = ["Target", "Type", "Account", "Region", "Resources"];
    fold("Preview", &table("Preview", &columns, &body))
}

fn write_count(target: &Target) -> String {
    target.count().unwrap_or_else(|| "not known".to_owned())
}
