//! The links of a suite to pages about the system under test.

use ::config::{Value, ValueKind};
use faultgate_core::mistake::Problem;
use faultgate_core::model::DashboardLink;

use crate::inputs::kind::Kind;
use crate::suite::reader::Reader;
use crate::suite::tables::LINK;

pub(crate) const LINKS_KEY: &str = "links";
/// Maximum number of links. Nobody looks for one among more.
pub(crate) const MAX_LINKS: usize = 20;

impl<'a> Reader<'a> {
    pub(crate) fn links(&mut self) -> Vec<DashboardLink> {
        let list = match self.document.root.get(LINKS_KEY).map(|v| &v.kind) {
            None | Some(ValueKind::Nil) => return Vec::new(),
            Some(ValueKind::Array(list)) if list.len() <= MAX_LINKS => list,
            Some(ValueKind::Array(_)) => {
                let what = format!("has more than {MAX_LINKS} links");
                self.mistake("links:", &what, "keep those that help after a failure");
                return Vec::new();
            }
            Some(_) => {
                self.tell_shape(
                    "links:",
                    "is not a list",
                    "write each link as - { name: …, url: https://… }",
                );
                return Vec::new();
            }
        };
        list.iter()
            .enumerate()
            .filter_map(|(place, value)| self.link(&format!("links[{place}]"), value))
            .collect()
    }

    fn link(&mut self, path: &str, value: &'a Value) -> Option<DashboardLink> {
        let table = self.table(Some(value), path)?;
        let section = self.section(table, path, LINK);
        let (name, url) = (self.text(&section, "name"), self.text(&section, "url"));
        let link = DashboardLink { name: name.clone().unwrap_or_default(), url: url? };
        // The variables of moments are no part of an address, so a sample of it is judged.
        let sample = link.sample();
        let is_plain = |c: char| c.is_ascii_graphic() && !"\"'<>`\\()[]|{}^".contains(c);
        let problem = match sample.chars().find(|c| !is_plain(*c)) {
            Some(odd) => {
                let encoded = odd.to_string().into_bytes();
                let encoded: Vec<String> = encoded.iter().map(|byte| format!("%{byte:02X}")).collect();
                Problem::new(format!("has the character {odd:?}, which links do not take"))
                    .hint(format!("write it in percent-encoding: {}", encoded.concat()))
            }
            None => match Kind::Url.parse(&sample) {
                Ok(_) => return name.map(|_| link),
                Err(problem) => problem,
            },
        };
        self.problem(&section.at("url"), problem);
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::suite::content::tests::{mistake, read_with};

    fn suite(links: &str) -> String {
        format!("version: 1\nexperiments: [{{ name: a, fis: {{ template: EXT1 }} }}]\nlinks: {links}\n")
    }

    #[test]
    fn a_link_keeps_what_stands_for_moments_and_takes_variables() {
        let yaml =
            suite("[{ name: Grafana, url: '${HOST}/d/shop?from=${FAULT_START_MS}&to=${FAULT_END_MS}' }]");
        let (suite, mistakes) =
            read_with(&yaml, &[("HOST", "https://grafana.example"), ("FAULT_START_MS", "7")]);
        assert_eq!(mistakes, [""; 0]);
        assert_eq!(suite.links[0].name, "Grafana");
        assert_eq!(
            suite.links[0].url,
            "https://grafana.example/d/shop?from=${FAULT_START_MS}&to=${FAULT_END_MS}"
        );
    }

    #[test]
    fn what_is_no_address_of_the_web_is_a_mistake() {
        for (links, told) in [
            ("[{ name: a, url: 'javascript:alert(1)' }]", "links[0].url"),
            ("[{ name: a, url: '${FAULT_START}' }]", "links[0].url"),
            ("[{ name: a, url: \"https://x/'\" }]", "links[0].url"),
            ("[{ name: a, url: 'https://x/)[y](https://evil.example' }]", "links[0].url"),
            ("[{ name: a, url: 'https://x/a b' }]", "has the character ' ', which links do not take"),
            ("[{ name: a, url: \"https://x/é'\" }]", "percent-encoding: %C3%A9"),
            ("[{ name: a }]", "links[0].url"),
            ("[{ url: 'https://x' }]", "links[0].name"),
            ("[{ name: a, url: 'https://x', icon: b }]", "links[0].icon"),
            ("https://x", "links:"),
        ] {
            assert!(mistake(&suite(links)).contains(told), "{links}: {}", mistake(&suite(links)));
        }
    }

    #[test]
    fn a_link_without_a_name_hides_no_mistake_of_its_address() {
        let (_, mistakes) = read_with(&suite("[{ url: 'javascript:alert(1)' }]"), &[]);
        assert!(
            mistakes.len() == 2
                && mistakes[0].contains("links[0].name")
                && mistakes[1].contains("links[0].url")
        );
    }
}
