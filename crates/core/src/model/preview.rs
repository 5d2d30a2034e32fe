//! The record of a preview: the resources that the targets of an experiment resolve to, counted before
//! anything is launched.

use serde::{Deserialize, Serialize};

/// The record of the preview of one experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewRecord {
    /// Id of the experiment that was the preview.
    pub experiment_id: String,
    /// Milliseconds from the request to the counted targets.
    pub took_ms: u64,
    /// The targets by name, type, account and Region.
    pub targets: Vec<ResourceCount>,
    /// Number of resources of all targets. A resource that two targets share counts twice.
    pub total: u64,
}

/// The number of resources of one type that a target resolves to in one account and Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ResourceCount {
    /// Name of the target.
    pub name: String,
    #[serde(rename = "type")]
    pub resource_type: String,
    /// Account of the resources; None where it is not known, or there are no resources.
    pub account: Option<String>,
    pub region: Option<String>,
    pub count: u64,
}

impl PreviewRecord {
    pub fn new(experiment_id: &str, took_ms: u64, targets: Vec<ResourceCount>) -> Self {
        let total = count_all(&targets);
        Self { experiment_id: experiment_id.to_owned(), took_ms, targets, total }
    }

    /// Returns the blast radius in a line, such as `3 resources: 2 aws:ecs:task, 1 aws:rds:db`.
    pub fn describe(&self) -> String {
        let mut types: Vec<(&str, u64)> = Vec::new();
        for target in &self.targets {
            match types.iter_mut().find(|(kind, _)| *kind == target.resource_type) {
                Some((_, count)) => *count += target.count,
                None => types.push((&target.resource_type, target.count)),
            }
        }
        let noun = if self.total == 1 { "resource" } else { "resources" };
        let types: Vec<String> = types.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let of = if types.is_empty() { String::new() } else { format!(": {}", types.join(", ")) };
        format!("{} {noun}{of}", self.total)
    }
}

impl ResourceCount {
    /// Returns the place of the resources, such as `111122223333 eu-west-1`.
    pub fn write_place(&self) -> String {
        let parts = [self.account.as_deref(), self.region.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Returns the number of resources in all.
pub fn count_all(targets: &[ResourceCount]) -> u64 {
    targets.iter().map(|target| target.count).fold(0, u64::saturating_add)
}

/// Returns each target's name with the number of its resources, sorted by name.
pub fn count_by_target(targets: &[ResourceCount]) -> std::collections::BTreeMap<&str, u64> {
    let mut counts = std::collections::BTreeMap::new();
    for target in targets {
        let count: &mut u64 = counts.entry(target.name.as_str()).or_default();
        *count = count.saturating_add(target.count);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(name: &str, kind: &str, account: &str, count: u64) -> ResourceCount {
        ResourceCount {
            name: name.to_owned(),
            resource_type: kind.to_owned(),
            account: Some(account.to_owned()),
            region: Some("eu-west-1".to_owned()),
            count,
        }
    }

    #[test]
    fn a_blast_radius_is_told_by_type_and_counted_by_target() {
        let targets = vec![
            count("web", "aws:ecs:task", "1", 3),
            count("web", "aws:ecs:task", "2", 4),
            count("db", "aws:rds:db", "1", 1),
        ];
        let record = PreviewRecord::new("EXP1", 7, targets);
        assert_eq!(record.describe(), "8 resources: 7 aws:ecs:task, 1 aws:rds:db");
        let counts: Vec<_> = count_by_target(&record.targets).into_iter().collect();
        assert_eq!(counts, [("db", 1), ("web", 7)]);
        assert_eq!(PreviewRecord::new("EXP1", 7, Vec::new()).describe(), "0 resources");
        let json = serde_json::to_value(&record.targets[0]).unwrap();
        assert_eq!(json["type"], "aws:ecs:task");
        assert_eq!(record.targets[0].write_place(), "1 eu-west-1");
    }

    #[test]
    fn a_count_has_no_end() {
        let most = vec![count("a", "t", "1", u64::MAX), count("a", "t", "2", u64::MAX)];
        assert_eq!((count_all(&most), count_by_target(&most)["a"]), (u64::MAX, u64::MAX));
    }
}
