"""The report files by the rules of those who read them: Jenkins's schema for junit.xml, a dotenv reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values
from lxml import etree
from support import Faultgate

SHAPE = Path(__file__).with_name("shapes") / "junit-10.xsd"


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SHAPE))


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Faultgate]:
    launcher = Faultgate(tmp_path)
    yield launcher
    launcher.close()


@pytest.mark.parametrize(
    ("scenario", "code", "verdict", "fate"),
    [
        ("completed", 0, "passed", None),
        ("stop-condition", 1, "failed", "failure"),
        ("failed", 3, "errored", "error"),
        ("nothing-injected", 3, "errored", "error"),
        ("never-ends", 4, "timed-out", "error"),
    ],
)
def test_report_files_are_what_their_readers_take(
    rehearsal: Faultgate, schema: etree.XMLSchema, scenario: str, code: int, verdict: str, fate: str | None
) -> None:
    report = rehearsal.home / "report"
    process = rehearsal.start("rehearse", "--scenario", scenario, "--report-dir", str(report))
    rehearsal.ended(process).expect(code, verdict)

    junit = etree.parse(report / "junit.xml")
    schema.assertValid(junit)
    assert not junit.xpath("//testcase/@file"), "the schema does not know it"
    # One cause is one failure: that of the experiment, to which the case of the run leads.
    for suite, tag in [("faultgate.rehearsal", fate), ("faultgate", "skipped" if fate else None)]:
        gate = junit.xpath(f"/testsuites/testsuite[@name='{suite}']/testcase[@name='gate']")
        assert [[child.tag for child in case if child.tag != "system-out"] for case in gate] == [[tag] if tag else []]

    text = (report / "faultgate.env").read_text(encoding="ascii")
    assert len(text) < 5 * 1024 and all("=" in line for line in text.splitlines())
    assert dotenv_values(report / "faultgate.env")["FAULTGATE_VERDICT"] == verdict

    # A rehearsal has no page to link to.
    assert json.loads((report / "annotations.json").read_text(encoding="utf-8")) == {"faultgate": []}
