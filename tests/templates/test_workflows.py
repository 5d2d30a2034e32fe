"""The interpreter of workflows, held against GitHub's manual: each case names the page and the rule."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from expressions import Expressions
from pipelines import PATIENCE
from steps import LOST, Runners
from workflows import Refused, Run, combinations

FAILURE_NEEDS = "workflow syntax, jobs.<job_id>.needs: "
STATUS = "expressions, status check functions: "
CALLS = "workflow syntax, on.workflow_call: "
STRATEGY = "workflow syntax, jobs.<job_id>.strategy: "
CONTEXTS = "contexts: "
A_FAILS = "  a: { runs-on: u, steps: [{ run: 'false' }] }\n"
OK = "runs-on: u, steps: [{ run: 'true' }]"
CALLED = """
on:
  workflow_call:
    inputs:
      word: { type: string }
      count: { type: number }
      flag: { type: boolean }
    outputs:
      told: { value: "${{ jobs.a.outputs.told }}" }
jobs:
  a:
    runs-on: u
    outputs: { told: "${{ steps.s.outputs.told }}" }
    steps:
      - id: s
        run: echo "told=[${{ inputs.word }}][${{ inputs.count }}][${{ inputs.flag }}]" >> "$GITHUB_OUTPUT"
"""
# The rule, the jobs, and the result of each.
RULES: list[tuple[str, str, dict[str, str]]] = [
    (
        FAILURE_NEEDS + "if a job fails, all jobs that need it are skipped",
        A_FAILS + f"  b: {{ needs: a, {OK} }}\n  c: {{ {OK} }}\n",
        {"a": "failure", "b": "skipped", "c": "success"},
    ),
    (
        FAILURE_NEEDS + "a failure applies to all jobs in the chain from there onwards",
        A_FAILS + f"  b: {{ needs: a, if: always(), {OK} }}\n  c: {{ needs: b, {OK} }}\n",
        {"a": "failure", "b": "success", "c": "skipped"},
    ),
    (
        FAILURE_NEEDS + "so does a skip",
        f"  a: {{ if: false, {OK} }}\n  b: {{ needs: a, {OK} }}\n  c: {{ needs: b, if: always(), {OK} }}\n"
        f"  d: {{ needs: c, {OK} }}\n",
        {"a": "skipped", "b": "skipped", "c": "success", "d": "skipped"},
    ),
    (
        FAILURE_NEEDS + "a job with always() runs whatever those were that it needs",
        A_FAILS + f"  b: {{ needs: a, if: '${{{{ always() }}}}', {OK} }}\n",
        {"a": "failure", "b": "success"},
    ),
    (
        STATUS + "success() is implied unless a condition has one of the functions",
        A_FAILS + f"  b: {{ needs: a, if: needs.a.result == 'failure', {OK} }}\n"
        f"  c: {{ needs: a, if: \"${{{{ !cancelled() && needs.a.result == 'failure' }}}}\", {OK} }}\n",
        {"a": "failure", "b": "skipped", "c": "success"},
    ),
    (
        STATUS + "a name in a string is no function",
        A_FAILS + f"  b: {{ needs: a, if: \"contains('always()', 'always')\", {OK} }}\n",
        {"a": "failure", "b": "skipped"},
    ),
    (
        STATUS + "failure() is true if any ancestor job fails",
        A_FAILS + f"  b: {{ needs: a, if: always(), {OK} }}\n  c: {{ needs: b, if: failure(), {OK} }}\n"
        f"  d: {{ if: failure(), {OK} }}\n",
        {"a": "failure", "b": "success", "c": "success", "d": "skipped"},
    ),
    (
        STATUS + "failure() of a step is true if a step before has failed, and of steps after it the others are skipped",
        "  a:\n    runs-on: u\n    steps: [{ run: 'false' }, { run: 'exit 3' }, { if: failure(), run: touch $HOME/told },"
        " { if: always(), run: test -e $HOME/told && touch $HOME/always }, { if: cancelled(), run: rm $HOME/always }]\n"
        f"  b: {{ needs: a, if: always(), runs-on: u, steps: [{{ run: test -e $HOME/always }}] }}\n",
        {"a": "failure", "b": "success"},
    ),
    (
        CONTEXTS + "steps.<id>.conclusion is the result after continue-on-error is applied, outcome that before",
        "  a:\n    runs-on: u\n    steps: [{ id: s, run: 'false', continue-on-error: true },"
        " { run: \"test '${{ steps.s.outcome }} ${{ steps.s.conclusion }}' = 'failure success'\" }]\n",
        {"a": "success"},
    ),
    (
        CONTEXTS + "needs.<id>.outputs are those of a job that failed too, and of one that was skipped there are none",
        "  a:\n    runs-on: u\n    outputs: { v: '${{ steps.s.outputs.v }}' }\n"
        "    steps: [{ id: s, run: 'echo v=1 >> $GITHUB_OUTPUT; false' }]\n"
        "  b: { needs: a, runs-on: u, outputs: { v: '1' }, steps: [] }\n"
        "  c: { needs: [a, b], if: always(), runs-on: u, steps: [{ run: \"[ '${{ needs.a.outputs.v }}' = 1 ]\" },"
        " { run: \"[ -z '${{ needs.b.outputs.v }}' ]\" }] }\n",
        {"a": "failure", "b": "skipped", "c": "success"},
    ),
    (
        STRATEGY + "fail-fast is on unless it is switched off: the others are cancelled",
        "  m: { runs-on: u, strategy: { max-parallel: 1, matrix: { n: [1, 2, 3] } }, steps: [{ run: '[ ${{ matrix.n }} != 2 ]' }] }\n",
        {"m (1)": "success", "m (2)": "failure", "m (3)": "cancelled", "m": "failure"},
    ),
    (
        STRATEGY + "without fail-fast each part runs, and the job has failed if one has",
        "  m: { runs-on: u, strategy: { fail-fast: false, matrix: { n: [1, 2, 3] } }, steps: [{ run: '[ ${{ matrix.n }} != 2 ]' }] }\n"
        f"  b: {{ needs: m, {OK} }}\n",
        {"m (1)": "success", "m (2)": "failure", "m (3)": "success", "m": "failure", "b": "skipped"},
    ),
    (
        CONTEXTS + "strategy has index, total and most at once, those of one part where there is no matrix",
        "  m: { runs-on: u, strategy: { max-parallel: 2, matrix: { n: [7] } }, steps: [{ run: \"[ '${{ strategy.job-index }} "
        "${{ strategy.job-total }} ${{ strategy.max-parallel }}' = '0 1 2' ]\" }] }\n"
        "  a: { runs-on: u, steps: [{ run: \"[ '${{ strategy.job-index }} ${{ strategy.job-total }}' = '0 1' ]\" }] }\n",
        {"m (7)": "success", "m": "success", "a": "success"},
    ),
    (
        STRATEGY + "a matrix may come of a job before, and a name may have its values",
        "  p: { runs-on: u, outputs: { m: '${{ steps.s.outputs.m }}' }, steps: [{ id: s, run: "
        "'echo ''m={\"include\":[{\"n\":1,\"x\":\"a\"},{\"n\":2,\"x\":\"b\"}]}'' >> $GITHUB_OUTPUT' }] }\n"
        "  m: { needs: p, name: 'part ${{ matrix.n }}', runs-on: u, strategy: { matrix: '${{ fromJSON(needs.p.outputs.m) }}' }, "
        "steps: [{ run: \"[ '${{ matrix.x }}' != c ]\" }] }\n",
        {"p": "success", "part 1": "success", "part 2": "success", "m": "success"},
    ),
    (
        CALLS + "an input that is not set is false, 0 or empty; outputs are those of the called jobs",
        "  c: { uses: ./.github/workflows/called.yml }\n"
        "  b: { needs: c, runs-on: u, steps: [{ run: \"[ '${{ needs.c.outputs.told }}' = '[][0][false]' ]\" }] }\n",
        {"c": "success", "c / a": "success", "b": "success"},
    ),
    (
        CALLS + "a boolean and a number become a string, nothing becomes a boolean (actions/runner#1483)",
        "  c: { uses: ./.github/workflows/called.yml, with: { word: true, count: 95, flag: true } }\n"
        "  d: { uses: ./.github/workflows/called.yml, with: { word: 95 } }\n"
        "  b: { needs: [c, d], runs-on: u, steps: [{ run: \"[ '${{ needs.c.outputs.told }}' = '[true][95][true]' ]\" },"
        " { run: \"[ '${{ needs.d.outputs.told }}' = '[95][0][false]' ]\" }] }\n",
        {"c": "success", "c / a": "success", "d": "success", "d / a": "success", "b": "success"},
    ),
]


@pytest.fixture
def expressions() -> Any:
    made = Expressions()
    yield made
    made.close()


def run(home: Path, expressions: Expressions, jobs: str, **breaks: Any) -> tuple[Run, Runners]:
    folder = home / "repository" / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "run.yml").write_text(f"on: push\njobs:\n{jobs}", encoding="utf-8")
    (folder / "called.yml").write_text(CALLED, encoding="utf-8")
    (folder / "fails.yml").write_text(f"on: {{ workflow_call: }}\njobs:\n{A_FAILS}", encoding="utf-8")
    runners = Runners(home, home / "repository", expressions, {}, **breaks)
    return Run(home / "repository", runners.run, expressions), runners


@pytest.mark.parametrize(("rule", "jobs", "results"), RULES, ids=[rule for rule, _, _ in RULES])
def test_a_rule_of_the_manual(rule: str, jobs: str, results: dict[str, str], tmp_path: Path, expressions: Expressions) -> None:
    one, runners = run(tmp_path, expressions, jobs)
    result = one.execute("run.yml")
    told = {name: outcome.result for name, outcome in one.outcomes.items()}
    assert told == results, "".join(runners.log)
    assert result == ("failure" if "failure" in results.values() else "success"), rule


def test_a_called_workflow_fails_with_its_jobs(tmp_path: Path, expressions: Expressions) -> None:
    """Reusing workflows: the caller's job has the result of the called ones, and what needs it goes by that."""
    one, _ = run(
        tmp_path,
        expressions,
        f"  c: {{ uses: ./.github/workflows/fails.yml }}\n  b: {{ needs: c, {OK} }}\n  d: {{ needs: c, if: always(), {OK} }}\n",
    )
    assert one.execute("run.yml") == "failure"
    assert (one.outcomes["b"].result, one.outcomes["d"].result) == ("skipped", "success")


WRITES = "on: { workflow_call: }\npermissions: {}\njobs:\n  a: { permissions: { statuses: write }, " + OK + " }\n"
HOLDS = "on: { workflow_call: }\njobs:\n  a: { concurrency: { group: chaos-staging }, " + OK + " }\n"


@pytest.mark.parametrize(
    ("called", "caller", "goes"),
    [
        (WRITES, "permissions: { contents: read, statuses: write }", True),
        (WRITES, "permissions: { contents: read, statuses: read }", False),
        (WRITES, "permissions: {}", False),
        (WRITES, "concurrency: release", False),
        (HOLDS, "concurrency: release", True),
        (HOLDS, "concurrency: { group: Chaos-staging }", False),
        (HOLDS, "concurrency: \"chaos-${{ 'staging' }}\"", False),
    ],
)
def test_a_caller_gives_what_is_asked_and_is_not_waited_for(
    called: str, caller: str, goes: bool, tmp_path: Path, expressions: Expressions
) -> None:
    """Reusing workflows: permissions can be kept or lowered, never raised. Concurrency: a called workflow that waits for the
    group of its caller is a deadlock."""
    one, _ = run(tmp_path, expressions, f"  c: {{ uses: ./.github/workflows/asks.yml, {caller} }}\n")
    (tmp_path / "repository" / ".github" / "workflows" / "asks.yml").write_text(called, encoding="utf-8")
    if goes:
        assert one.execute("run.yml") == "success"
    else:
        with pytest.raises(Refused):
            one.execute("run.yml")


@pytest.mark.parametrize("matrix", [{"a": [1, 2], "exclude": [{"a": 2}]}, {"a": [1], "include": [{"a": 1, "b": 2}]}])
def test_a_matrix_that_is_not_played_right_is_not_played(matrix: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        list(combinations(matrix))


@pytest.mark.parametrize("given", ["flag: 'true'", "count: '95'", "nothing: 1"])
def test_inputs_of_another_type_or_name_are_refused(given: str, tmp_path: Path, expressions: Expressions) -> None:
    one, _ = run(tmp_path, expressions, f"  c: {{ uses: ./.github/workflows/called.yml, with: {{ {given} }} }}\n")
    with pytest.raises(Refused):
        one.execute("run.yml")


def test_a_cancelled_run_ends_what_has_no_reason_to_go_on(tmp_path: Path, expressions: Expressions) -> None:
    """Workflow cancellation: the condition of each running job is asked again, a step is interrupted, steps and jobs
    with always() or cancelled() run, those with success() or !cancelled() do not."""
    goes_on = "echo goes; while ! [ -e $HOME/over ]; do sleep 0.05; done"
    one, runners = run(
        tmp_path,
        expressions,
        "  a:\n    runs-on: u\n    outputs: { v: '${{ steps.s.outputs.v }}' }\n    steps:\n"
        "      - { id: s, run: 'trap \"echo v=told >> $GITHUB_OUTPUT; exit 1\" INT; echo up; while :; do sleep 0.05; done' }\n"
        "      - { run: touch $HOME/wrong }\n      - { if: failure(), run: touch $HOME/wrong }\n"
        "      - { if: cancelled(), run: touch $HOME/over }\n"
        f"  b: {{ if: always(), runs-on: u, steps: [{{ run: '{goes_on}' }}] }}\n"
        "  c: { needs: a, if: always(), runs-on: u, steps: [{ run: '[ ${{ needs.a.result }}${{ needs.a.outputs.v }} = cancelledtold ]' }] }\n"
        f"  d: {{ needs: a, {OK} }}\n  e: {{ needs: a, if: '${{{{ !cancelled() }}}}', {OK} }}\n"
        f"  f: {{ needs: a, if: failure(), {OK} }}\n  g: {{ needs: a, if: cancelled(), {OK} }}\n",
    )
    ended: list[str] = []
    thread = threading.Thread(target=lambda: ended.append(one.execute("run.yml")))
    thread.start()
    runners.wait_for("a: up")
    runners.wait_for("b: goes")
    one.cancel()
    thread.join(PATIENCE)
    assert ended == ["cancelled"] and not (tmp_path / "wrong").exists(), "".join(runners.log)
    results = {name: outcome.result for name, outcome in one.outcomes.items()}
    assert results == {
        "a": "cancelled", "b": "success", "c": "success", "d": "cancelled", "e": "cancelled", "f": "cancelled", "g": "success",
    }


def test_a_job_whose_runner_is_lost_has_failed_without_outputs(tmp_path: Path, expressions: Expressions) -> None:
    jobs = (
        "  a:\n    runs-on: u\n    outputs: { v: '${{ steps.s.outputs.v }}' }\n"
        "    steps: [{ id: s, run: 'echo v=1 >> $GITHUB_OUTPUT' }, { uses: actions/checkout@v1 }]\n"
        "  b: { needs: a, if: always(), runs-on: u, steps: [{ run: \"[ '${{ needs.a.result }}${{ needs.a.outputs.v }}' = failure ]\" }] }\n"
    )
    one, _ = run(tmp_path, expressions, jobs, breaks={("a", "actions/checkout"): LOST})
    one.execute("run.yml")
    assert {name: outcome.result for name, outcome in one.outcomes.items()} == {"a": "failure", "b": "success"}
