//! Links of a suite to pages about the system under test, such as dashboards.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RunResult;

/// A link to a page about the system under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DashboardLink {
    pub name: String,
    /// Address, in which the variables of [`DashboardLink::MOMENTS`] stand for the beginning and the end of
    /// the fault.
    pub url: String,
}

impl DashboardLink {
    /// Names of the variables that stand for moments of the fault: as RFC 3339, in milliseconds and in seconds
    /// since 1970. No variable of the environment replaces them.
    pub const MOMENTS: [&str; 6] =
        ["FAULT_START", "FAULT_START_MS", "FAULT_START_S", "FAULT_END", "FAULT_END_MS", "FAULT_END_S"];

    /// Returns the address for some time, by which it can be judged.
    pub fn sample(&self) -> String {
        self.at(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)
    }

    /// Returns the address for this time.
    pub fn at(&self, from: Timestamp, to: Timestamp) -> String {
        let mut url = self.url.clone();
        for (name, at) in [("FAULT_START", from), ("FAULT_END", to)] {
            // A colon is not allowed everywhere in an address, and its code is.
            let written = at.strftime("%Y-%m-%dT%H%%3A%M%%3A%SZ").to_string();
            url = url
                .replace(&format!("${{{name}}}"), &written)
                .replace(&format!("${{{name}_MS}}"), &at.as_millisecond().to_string())
                .replace(&format!("${{{name}_S}}"), &at.as_second().to_string());
        }
        url
    }
}

impl RunResult {
    /// Returns the time in which faults were in: from the first start to the last end. A fault whose end is
    /// not known ends with the run. `None` if there was no fault.
    pub fn faults(&self) -> Option<(Timestamp, Timestamp)> {
        let faults = self.experiments.iter().filter_map(|experiment| {
            let fault = experiment.fault?;
            let end = fault.ended_at.unwrap_or(self.ended_at);
            Some((fault.started_at, end.max(fault.started_at)))
        });
        faults.reduce(|(from, to), (start, end)| (from.min(start), to.max(end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_dashboards_take_them() {
        let link = |url: &str| DashboardLink { name: "d".to_owned(), url: url.to_owned() };
        let (from, to) =
            ("2026-11-22T10:00:10.25Z".parse().unwrap(), "2026-11-22T10:00:50Z".parse().unwrap());
        for (url, want) in [
            (
                "https://g/d/a?from=${FAULT_START_MS}&to=${FAULT_END_MS}",
                "https://g/d/a?from=1795341610250&to=1795341650000",
            ),
            ("https://k/?s=${FAULT_START_S}&e=${FAULT_END_S}", "https://k/?s=1795341610&e=1795341650"),
            (
                "https://c/#d:start=${FAULT_START};end=${FAULT_END}",
                "https://c/#d:start=2026-11-22T10%3A00%3A10Z;end=2026-11-22T10%3A00%3A50Z",
            ),
            ("https://plain/", "https://plain/"),
        ] {
            assert_eq!(link(url).at(from, to), want);
        }
        for name in DashboardLink::MOMENTS {
            assert!(!link(&format!("https://x/${{{name}}}")).at(from, to).contains('$'), "{name}");
        }
    }
}
