"""The manifests of ci-templates/fan-out/kubernetes: held against the schemas of Kubernetes and Argo, and against what they promise."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from pipelines import PATIENCE, ROOT, TEMPLATES

FOLDER = TEMPLATES / "fan-out" / "kubernetes"
JUDGE = Path(__file__).with_name("manifests") / "judge.mjs"
TOOLS = os.environ.get("MANIFEST_TOOLS", str(ROOT / ".tools" / "manifests"))


def read(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


KUSTOMIZATION = read("kustomization.yml")[0]
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.yml") if path.name != "kustomization.yml")
(SHARDS,), (FLEET,) = read("shards.yml"), read("fleet.yml")
(WORKFLOW,), (ANALYSIS,) = read("argo/workflow.yml"), read("argo/analysis.yml")
GATE = FLEET["spec"]["jobTemplate"]["spec"]["template"]["spec"]
PARTS = SHARDS["spec"]["template"]["spec"]


def refused(tmp_path: Path, *manifests: dict[str, Any]) -> str:
    """What an API server would say."""
    file = tmp_path / "manifests.json"
    file.write_text(json.dumps(manifests), encoding="utf-8")
    environment = os.environ | {"MANIFEST_TOOLS": TOOLS}
    done = subprocess.run(["node", JUDGE, file], env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == (1 if done.stdout.strip() else 0), done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", FILES)
def test_a_server_takes_it(name: str, tmp_path: Path) -> None:
    assert refused(tmp_path, *read(name)) == ""


@pytest.mark.parametrize(
    ("name", "key", "value", "words"),
    [
        ("shards.yml", "spec.completionsMode", "Indexed", "has no completionsMode"),
        ("shards.yml", "spec.podFailurePolicy.rules.0.action", "Retry", "enum"),
        ("shards.yml", "spec.template.spec.containers.0.securityContext.runAsRoot", False, "has no runAsRoot"),
        ("fleet.yml", "spec.jobTemplate.spec.backoffLimits", 0, "has no backoffLimits"),
        ("fleet.yml", "spec.schedule", 3, "type"),
        ("argo/workflow.yml", "spec.templates.0.steps.1.0.withParams", "[]", "has no withParams"),
        ("argo/workflow.yml", "spec.templates.2.retryStrategy.policy", "OnError", "has no policy"),
        ("argo/analysis.yml", "spec.metrics.0.provider.jobs", {}, "has no jobs"),
    ],
)
def test_a_server_refuses_what_it_does_not_know(name: str, key: str, value: Any, words: str, tmp_path: Path) -> None:
    (manifest,) = read(name)
    place: Any = manifest
    *folders, last = [int(each) if each.isdigit() else each for each in key.split(".")]
    for each in folders:
        place = place[each]
    place[last] = value
    assert words in refused(tmp_path, manifest)


def test_the_kustomization_names_what_there_is() -> None:
    assert sorted(KUSTOMIZATION["resources"]) == ["access.yml", "fleet.yml"]
    made = {each["name"]: each["files"] for each in KUSTOMIZATION["configMapGenerator"]}
    volumes = [volume for spec in (GATE, PARTS, WORKFLOW["spec"]) for volume in spec["volumes"]]
    assert {volume["configMap"]["name"] for volume in volumes if "configMap" in volume} == set(made)
    assert made["faultgate-shards"] == ["shards.yml"]


def pods() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each container with what its pod says of security."""
    templates = [each for each in WORKFLOW["spec"]["templates"] if "container" in each]
    every = [(GATE["securityContext"], each) for each in [*GATE["initContainers"], *GATE["containers"]]]
    every += [(PARTS["securityContext"], each) for each in PARTS["containers"]]
    return every + [(WORKFLOW["spec"]["securityContext"], each["container"]) for each in templates]


def test_every_pod_keeps_the_restricted_standard() -> None:
    for pod, container in pods():
        assert pod["runAsNonRoot"] and pod["seccompProfile"] == {"type": "RuntimeDefault"}
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False and own["capabilities"] == {"drop": ["ALL"]}
        assert own["readOnlyRootFilesystem"] is True
        image = container["image"]
        assert image == "ghcr.io/faultgate/faultgate:0.1-nonroot" or image.startswith("registry.k8s.io/kubectl:v")
        assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]


def test_a_part_has_time_to_stop_its_experiment() -> None:
    # A request to stop is made for 120 s, and 60 s are waited for its end (docs/stop.md).
    assert PARTS["terminationGracePeriodSeconds"] >= 180
    assert json.loads(WORKFLOW["spec"]["podSpecPatch"])["terminationGracePeriodSeconds"] >= 180


def action(code: int, conditions: tuple[str, ...] = ()) -> str:
    """What Kubernetes makes of a pod that ended so: the first rule that fits, else it counts against the limit."""
    for rule in SHARDS["spec"]["podFailurePolicy"]["rules"]:
        if any(each["type"] in conditions for each in rule.get("onPodConditions", [])):
            return rule["action"]
        if code in rule.get("onExitCodes", {}).get("values", []):
            return rule["action"]
    return "Count"


@pytest.mark.parametrize("code", [1, 2, 3, 4, 129, 130, 143])
def test_no_verdict_is_asked_for_again(code: int) -> None:
    assert SHARDS["spec"]["backoffLimitPerIndex"] == 0
    assert action(code) == ("FailJob" if code == 2 else "FailIndex")


def test_a_part_that_lost_its_node_begins_again() -> None:
    assert action(143, ("DisruptionTarget",)) == action(137, ("DisruptionTarget",)) == "Ignore"
    (experiment,) = [each for each in WORKFLOW["spec"]["templates"] if each["name"] == "experiment"]
    # An error is of Argo's; a failure is an exit code.
    assert experiment["retryStrategy"]["retryPolicy"] == "OnError"


def test_the_parts_are_as_many_as_they_are_told() -> None:
    (container,) = PARTS["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert variables["FAULTGATE_SHARD"] == f"auto/{SHARDS['spec']['completions']}"
    assert SHARDS["spec"]["completionMode"] == "Indexed" and PARTS["restartPolicy"] == "Never"


def test_the_gate_merges_what_the_parts_of_its_run_leave() -> None:
    create, start, wait = GATE["initContainers"]
    patch = json.loads(next(each for each in start["args"] if each.startswith("--patch=")).removeprefix("--patch="))
    told = patch["spec"]["template"]["metadata"]["annotations"]
    (part,), (gate,) = PARTS["containers"], GATE["containers"]
    variables = {each["name"]: each for each in part["env"]}
    assert SHARDS["spec"]["suspend"] is True and patch["spec"]["suspend"] is False
    assert told == {"faultgate/run": "$(RUN)"}
    assert variables["RUN"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.annotations['faultgate/run']"
    assert gate["args"][-1] == variables["FAULTGATE_RESULTS"]["value"]
    # All of it goes with the pod of the gate.
    assert patch["metadata"]["ownerReferences"] == [{"apiVersion": "v1", "kind": "Pod", "name": "$(POD)", "uid": "$(RUN)"}]
    name = f"job/{SHARDS['metadata']['name']}"
    assert name in start["args"] and {name, "--for=delete"} <= set(wait["args"])
    # What is waited for comes by itself.
    assert SHARDS["spec"]["ttlSecondsAfterFinished"] <= 60
    assert create["args"][-1].endswith("/shards.yml")


def test_the_gate_may_do_what_it_does_and_nothing_else() -> None:
    (role,) = [each for each in read("access.yml") if each["kind"] == "Role"]
    granted = {(verb, *rule.get("resourceNames", [])) for rule in role["rules"] for verb in rule["verbs"]}
    name = SHARDS["metadata"]["name"]
    assert granted == {("create",), *((verb, name) for verb in ("get", "list", "watch", "patch"))}
    assert all((rule["apiGroups"], rule["resources"]) == (["batch"], ["jobs"]) for rule in role["rules"])
    assert PARTS["automountServiceAccountToken"] is False


def test_the_analysis_is_the_gate() -> None:
    (metric,) = ANALYSIS["spec"]["metrics"]
    assert metric["provider"]["job"]["spec"]["template"]["spec"] == GATE
    assert (metric["count"], metric["failureLimit"], metric["consecutiveErrorLimit"]) == (1, 0, 0)


def test_the_workflow_makes_an_array_of_the_plan(tmp_path: Path) -> None:
    (plan,) = [each for each in WORKFLOW["spec"]["templates"] if each["name"] == "plan"]
    command = tmp_path / "faultgate"
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    lines = [{"experiment": "a", "template": "E&/\\1"}, {"experiment": "b", "account": None}, {"experiment": "c"}]
    for planned in (lines, lines[:1]):
        command.write_text("#!/bin/sh\ncat <<'E'\n" + "\n".join(map(json.dumps, planned)) + "\nE\n", encoding="utf-8")
        command.chmod(0o755)
        subprocess.run(["sh", "-c", *plan["container"]["args"]], cwd=tmp_path, env=environment, check=True)
        assert json.loads((tmp_path / "items.json").read_text(encoding="utf-8")) == planned
    # One that fails, and one whose plan no variable of the gate holds.
    for script in ("exit 2", "head -c 131001 /dev/zero"):
        command.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        ended = subprocess.run(["sh", "-c", *plan["container"]["args"]], cwd=tmp_path, env=environment, check=False)
        assert ended.returncode == 2


def test_the_workflow_judges_whatever_became_of_the_parts() -> None:
    (fleet,) = [each for each in WORKFLOW["spec"]["templates"] if each["name"] == "fleet"]
    (plan,), (experiment,), (gate,) = fleet["steps"]
    assert (plan["name"], experiment["name"], gate["name"]) == ("plan", "experiment", "gate")
    assert experiment["continueOn"] == {"failed": True, "error": True} and "continueOn" not in gate
    assert experiment["withParam"] == "{{steps.plan.outputs.parameters.items}}"
    assert fleet["parallelism"] == 5
    told = {each["name"]: {one["name"]: one["value"] for one in each["container"]["env"]} for each in WORKFLOW["spec"]["templates"][1:]}
    assert told["experiment"]["FAULTGATE_RESULTS"] == told["gate"]["RESULTS"]
