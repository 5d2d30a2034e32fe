"""A Harness for pipelines: a server of the first generation, which has GraphQL and no REST v2. What its descriptions
say is held against the engine elsewhere; here it is something to have a pipeline with."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ACCOUNT, PROJECT = "abcdefghijklmnopqrstuv", "shop"
EXPERIMENT = "d7c9d243-0219-4f7c-84c2-3004e59e4505"
ANOTHER = "2b0a6e1c-93f4-4d3e-8f0e-6a54c1b7d210"
KEY = f"sat.{ACCOUNT}.5f2b8c1d.e2e"
INFRASTRUCTURE = {"name": "agent", "infraType": "Kubernetes", "isActive": True, "isInfraConfirmed": True}


def node(phase: str, score: float) -> dict[str, Any]:
    """The fault of a run, as its agent tells it: the probe after it has failed unless all is well."""
    ended, passed = phase.startswith("Completed"), phase == "Completed"
    verdict = ("Pass" if passed else "Fail") if ended else {"Stopped": "Stopped"}.get(phase, "Awaited")
    probe = {"name": "answers", "type": "httpProbe", "mode": "EOT"}
    probe["status"] = {"verdict": ("Passed" if passed else "Failed") if ended else "N/A"}
    result = {"experimentStatus": {"phase": phase, "verdict": verdict}, "probeStatuses": [probe]}
    result["history"] = {"targets": [{"name": "shop", "kind": "deployment", "chaosStatus": "targeted"}]}
    data = {"experimentName": "pod-delete", "engineName": "pod-delete-x7", "experimentVerdict": verdict}
    data |= {"experimentStatus": phase, "probeSuccessPercentage": f"{score:.0f}" if ended else "Awaited"}
    data |= {"failStep": "", "chaosResult": {"status": result}}
    return {"type": "ChaosEngine", "name": "pod-delete", "phase": phase, "chaosData": data}


class Harness:
    """Each run is `Running` for one look and then comes to its end; without one it goes on until it is stopped. Runs
    after the first may have an end and a score of their own."""

    def __init__(self, host: str, end: str | None, score: float = 100.0, *later: tuple[str | None, float]) -> None:
        self.runs: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self._ends = [(end, score), *later]
        self._lock = threading.Lock()
        harness = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, answer = harness._answer(self, body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = answer

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer((host, 0), Handler)
        host, port = self._server.server_address[:2]
        self.url = f"http://{host}:{port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def launched(self) -> list[str]:
        """The experiments of the runs, in order; each was launched when no other one ran."""
        assert not [run for run in self.runs if run["beside"]], self.runs
        return [run["workflowID"] for run in self.runs]

    def _active(self) -> int:
        return sum(run["phase"] == "Running" for run in self.runs)

    def phases(self) -> list[str]:
        return [run["phase"] for run in self.runs]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, Any]]:
        if request.path != f"/gateway/chaos/manager/api/query?accountIdentifier={ACCOUNT}":
            return 404, {"message": "Not Found"}
        asked = json.loads(body)
        mine = asked["variables"]["identifiers"]
        if request.headers["x-api-key"] != KEY or (mine["accountIdentifier"], mine["projectIdentifier"]) != (
            ACCOUNT,
            PROJECT,
        ):
            self.refused.append(request.path)
            return 401, {"code": "INVALID_TOKEN", "message": "Token is not valid."}
        field = asked["query"].partition("{")[2].split("(")[0].strip()
        with self._lock:
            return 200, {"data": {field: getattr(self, f"_{field}")(asked["variables"], asked["query"])}}

    def _listWorkflow(self, _variables: dict[str, Any], _query: str) -> dict[str, Any]:  # noqa: N802
        experiment = {"name": "pod-delete", "isRemoved": False, "cronSyntax": ""}
        experiment |= {"infra": INFRASTRUCTURE, "recentWorkflowRunDetails": []}
        return {"workflows": [experiment | {"workflowID": each} for each in (EXPERIMENT, ANOTHER)]}

    def _runChaosExperiment(self, variables: dict[str, Any], _query: str) -> dict[str, Any]:  # noqa: N802
        number = len(self.runs)
        end, score = self._ends[min(number, len(self._ends) - 1)]
        run = {"workflowRunID": f"run-{number}", "notifyID": f"notify-{number}", "phase": "Running", "looks": 0}
        run |= {"workflowID": variables["workflowID"], "end": end, "score": score, "beside": self._active()}
        self.runs.append(run)
        return {"notifyID": run["notifyID"]}

    def _listWorkflowRun(self, variables: dict[str, Any], query: str) -> dict[str, Any]:  # noqa: N802
        notified = variables["request"].get("notifyIDs")
        found = [run for run in self.runs if not notified or run["notifyID"] in notified]
        rows = [self._row(run) for run in found]
        for run in found if notified and "phase" in query else []:
            run["looks"] += 1
            if run["end"] and run["phase"] == "Running":
                run["phase"] = run["end"]
        return {"workflowRuns": rows}

    def _row(self, run: dict[str, Any]) -> dict[str, Any]:
        phase = run["phase"]
        counts = {"Completed": "Passed", "Running": "Awaited", "Stopped": "Stopped"}
        row: dict[str, Any] = {f"experiments{each}": 0 for each in ("Passed", "Failed", "Awaited", "Stopped", "Na")}
        row[f"experiments{counts.get(phase, 'Failed')}"] = 1
        score = 0 if phase == "Running" else run["score"]
        times = {"createdAt": "1767322800000", "updatedAt": "1767322860000"}
        weights = [{"experimentName": "pod-delete", "weightage": 10}]
        data = {"executionData": json.dumps({"nodes": [node(phase, score)]}), "weightages": weights}
        row |= {"phase": phase, "resiliencyScore": score, "totalExperiments": 1, "errorResponse": None}
        ids = {name: run[name] for name in ("workflowRunID", "notifyID")}
        return row | times | data | ids | {"securityGovernance": None, "workflowID": run["workflowID"]}

    def _stopWorkflowRuns(self, variables: dict[str, Any], _query: str) -> bool:  # noqa: N802
        (run,) = [run for run in self.runs if run["workflowRunID"] == variables["workflowRunID"]]
        run["phase"] = "Stopped"
        return True
