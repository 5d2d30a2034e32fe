//! Suites as XML that the schemas of Jenkins, GitLab and CodeBuild take. Whatever a text says, the document
//! is well formed.

use std::io;

use faultgate_core::duration::decimal;
use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::writer::Writer;

use super::suite::{Fate, TestCase, TestSuite};
use super::text::legal;

type Xml = Writer<Vec<u8>>;

/// Writes the suites as a document.
pub(super) fn write(suites: &[TestSuite]) -> io::Result<String> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let totals = CaseCounts::of(suites.iter().flat_map(|suite| &suite.cases));
    // The schema knows no attribute `skipped` of this element.
    xml.create_element("testsuites")
        .with_attribute(("name", "faultgate"))
        .with_attribute(("tests", totals.tests.to_string().as_str()))
        .with_attribute(("failures", totals.failures.to_string().as_str()))
        .with_attribute(("errors", totals.errors.to_string().as_str()))
        .write_inner_content(|xml| suites.iter().try_for_each(|suite| write_suite(xml, suite)))?;
    xml.get_mut().push(b'\n');
    String::from_utf8(xml.into_inner()).map_err(io::Error::other)
}

fn write_suite(xml: &mut Xml, suite: &TestSuite) -> io::Result<()> {
    let counts = CaseCounts::of(&suite.cases);
    let mut element = xml
        .create_element("testsuite")
        .with_attribute(("name", suite.name.as_str()))
        .with_attribute(("tests", counts.tests.to_string().as_str()))
        .with_attribute(("failures", counts.failures.to_string().as_str()))
        .with_attribute(("errors", counts.errors.to_string().as_str()))
        .with_attribute(("skipped", counts.skipped.to_string().as_str()))
        .with_attribute(("time", decimal(suite.time).as_str()));
    if let Some(started_at) = suite.started_at {
        // The format has no time zone; the time is UTC.
        let time = started_at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        element = element.with_attribute(("timestamp", time.as_str()));
    }
    element.write_inner_content(|xml| {
        xml.create_element("properties").write_inner_content(|xml| {
            suite.properties.iter().try_for_each(|(name, value)| {
                xml.create_element("property")
                    .with_attribute(("name", *name))
                    .with_attribute(("value", legal(value).as_str()))
                    .write_empty()
                    .map(drop)
            })
        })?;
        suite.cases.iter().try_for_each(|case| write_case(xml, &suite.name, case))
    })?;
    Ok(())
}

fn write_case(xml: &mut Xml, class: &str, case: &TestCase) -> io::Result<()> {
    let element = xml
        .create_element("testcase")
        .with_attribute(("name", case.name.as_str()))
        .with_attribute(("classname", class))
        .with_attribute(("time", decimal(case.time).as_str()));
    if matches!(case.fate, Fate::Passed) && case.out.is_empty() {
        element.write_empty()?;
        return Ok(());
    }
    element.write_inner_content(|xml| {
        match &case.fate {
            Fate::Passed => {}
            Fate::Failure { kind, message } => write_fate(xml, "failure", kind, message)?,
            Fate::Error { kind, message } => write_fate(xml, "error", kind, message)?,
            Fate::Skipped { message } => {
                xml.create_element("skipped")
                    .with_attribute(("message", legal(message).as_str()))
                    .write_empty()?;
            }
        }
        if !case.out.is_empty() {
            let out = legal(&case.out.join("\n"));
            xml.create_element("system-out").write_text_content(BytesText::new(&out))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Writes the element of a failure or an error. The message is both its attribute and its content: GitLab
/// shows the content, others the attribute.
fn write_fate(xml: &mut Xml, element: &str, kind: &str, message: &str) -> io::Result<()> {
    let message = legal(message);
    xml.create_element(element)
        .with_attribute(("type", legal(kind).as_str()))
        .with_attribute(("message", message.as_str()))
        .write_text_content(BytesText::new(&message))?;
    Ok(())
}

/// The numbers of cases, as the attributes of a suite tell them.
#[derive(Debug, Default)]
struct CaseCounts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl CaseCounts {
    fn of<'a>(cases: impl IntoIterator<Item = &'a TestCase>) -> Self {
        let mut counts = Self::default();
        for case in cases {
            counts.tests += 1;
            match case.fate {
                Fate::Passed => {}
                Fate::Failure { .. } => counts.failures += 1,
                Fate::Error { .. } => counts.errors += 1,
                Fate::Skipped { .. } => counts.skipped += 1,
            }
        }
        counts
    }
}
