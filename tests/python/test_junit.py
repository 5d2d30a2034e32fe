"""junit.xml against the schema of Jenkins, which is the strictest of its readers, and against result.json."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree
from support import Faultgate

SCHEMA = Path(__file__).parent / "shapes" / "junit-10.xsd"


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMA))


@pytest.mark.parametrize(
    ("scenario", "code", "verdict"),
    [("completed", 0, "passed"), ("stop-condition", 1, "failed"), ("denied", 3, "errored")],
)
def test_the_report_is_valid_and_agrees_with_the_result(
    rehearsing: Faultgate, schema: etree.XMLSchema, scenario: str, code: int, verdict: str
) -> None:
    ended = rehearsing.ended(rehearsing.rehearse(scenario)).expect(code, verdict)
    path = rehearsing.home / "report" / "junit.xml"
    document = etree.parse(path)
    assert schema.validate(document), schema.error_log

    suites = document.findall(".//testsuite")
    assert any(ended.experiment["name"] in suite.get("name") for suite in suites)
    broken = 0
    for suite in suites:
        cases = suite.findall("testcase")
        counted = {"tests": len(cases)}
        for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            counted[attribute] = sum(case.find(tag) is not None for case in cases)
        told = {name: int(suite.get(name, "0")) for name in counted}
        assert told == counted, suite.get("name")
        assert cases and all(case.get("name") and case.get("classname") for case in cases)
        broken += counted["failures"] + counted["errors"]
    assert (broken > 0) == (code != 0), "the report says otherwise than the verdict"


def test_the_schema_bites(schema: etree.XMLSchema) -> None:
    case = '<testcase name="a" classname="b"/>'
    good = f'<testsuite name="s" tests="1" failures="0" errors="0">{case}</testsuite>'
    assert schema.validate(etree.fromstring(good)), schema.error_log
    for bad in [good.replace('name="s" ', ""), good.replace("<testcase", '<testcase file="x"'), "<report/>"]:
        assert not schema.validate(etree.fromstring(bad)), bad
