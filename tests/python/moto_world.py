"""A moto server in this process that keeps a record of requests, and can hold back an answer.

moto's FIS is a record without a life: it emits no events, evaluates no stop condition, ignores skip-all, knows
no safety lever, and moves an experiment on only when it is looked at. So tests say when it moves (`freeze`,
`let_go`), and `Publisher` in publisher.py plays FIS's voice.
"""

from __future__ import annotations

import io
import json
import re
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from support import PATIENCE, REGION, aws
from werkzeug.serving import make_server

FIS_ROUTES = {
    "StartExperiment": r"POST /experiments",
    "GetExperiment": r"GET /experiments/[^/]+",
    "StopExperiment": r"DELETE /experiments/[^/]+",
    "ListExperiments": r"GET /experiments",
    "ListExperimentResolvedTargets": r"GET /experiments/[^/]+/resolvedTargets",
    "GetExperimentTemplate": r"GET /experimentTemplates/[^/]+",
    "GetSafetyLever": r"GET /safetyLevers/[^/]+",
    "UpdateSafetyLeverState": r"PATCH /safetyLevers/[^/]+/state",
}
ENDED = {"completed", "stopped"}


@dataclass
class Request:
    """One request of the binary; `answer` is set when it is on its way back."""

    service: str
    operation: str
    input: dict[str, Any]
    # The access key it is signed with.
    key: str | None = None
    status: int = 0
    answer: bytes = b""
    answered: bool = field(default=False)

    def output(self) -> dict[str, Any]:
        return json.loads(self.answer)


class Hold:
    """An answer of moto that is kept back: what was asked for has happened, and the binary does not know."""

    def __init__(self) -> None:
        self.reached, self._released = threading.Event(), threading.Event()

    def until_reached(self) -> None:
        assert self.reached.wait(PATIENCE), "the request to be held never came"

    def release(self) -> None:
        self._released.set()

    def pass_through(self) -> None:
        self.reached.set()
        self._released.wait(PATIENCE)


class QuietHandler(MotoRequestHandler):
    def log(self, *_: Any) -> None:
        """Requests are recorded, not printed."""


class Moto:
    """One server for the whole session; `reset` makes it a new account."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._holds: dict[str, Hold] = {}
        # Answers that moto would not give: status and XML by operation.
        self.refusals: dict[str, tuple[int, str]] = {}
        # How long the sessions of roles last that moto gives to the binary; as long as moto says if None.
        self.session_seconds: int | None = None
        # Else DescribeAlarms is answered as moto answers what it does not know: 404 and a page of HTML.
        self.alarms_can_be_read = True
        self._server = make_server("127.0.0.1", 0, self._record, threaded=True, request_handler=QuietHandler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.fis, self.events, self.sqs, self.cloudwatch = (
            aws(name, self.url) for name in ("fis", "events", "sqs", "cloudwatch")
        )

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)

    # --- the account

    def reset(self) -> None:
        self._post("reset")
        with self._changed:
            self._requests = []
            self._holds = {}
        self.refusals, self.session_seconds = {}, None
        self.alarms_can_be_read = True
        self.freeze()

    def freeze(self) -> None:
        """From now on experiments stay as they are, however often they are looked at."""
        self._transition({"progression": "manual", "times": 1_000_000})

    def let_go(self) -> None:
        """From now on experiments are at the end of their way: completed, or stopped if they were stopping."""
        self._transition({"progression": "immediate"})

    def _transition(self, transition: dict[str, Any]) -> None:
        self._post("state-manager/set-transition", {"model_name": "fis::experiment", "transition": transition})

    def _post(self, path: str, body: dict[str, Any] | None = None) -> None:
        data = json.dumps(body or {}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/moto-api/{path}", data, headers, method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            assert answer.status in (200, 201), answer.status

    def experiments(self) -> dict[str, str]:
        """Each experiment's id and status. Looking changes nothing in a frozen world."""
        listed = self.fis.list_experiments()["experiments"]
        return {each["id"]: each["state"]["status"] for each in listed}

    def inventory(self) -> dict[str, Any]:
        """All that a run could have changed."""
        rules = [rule["Name"] for rule in self.events.list_rules()["Rules"]]
        return {
            "rules": {name: self.events.list_targets_by_rule(Rule=name)["Targets"] for name in rules},
            "queues": self.sqs.list_queues().get("QueueUrls", []),
            "experiments": self.experiments(),
            "templates": [each["id"] for each in self.fis.list_experiment_templates()["experimentTemplates"]],
            "alarms": {
                alarm["AlarmName"]: alarm["StateValue"]
                for alarm in self.cloudwatch.describe_alarms()["MetricAlarms"]
            },
        }

    def assert_nothing_is_left(self) -> None:
        """No rule and no queue of faultgate's, and no experiment that goes on."""
        self.freeze()
        left = self.inventory()
        assert [name for name in left["rules"] if name.startswith("faultgate-")] == []
        assert [url for url in left["queues"] if "/faultgate-" in url] == []
        assert {id: status for id, status in left["experiments"].items() if status not in ENDED} == {}

    # --- the record of what the binary asked

    def requests(self, *operations: str) -> list[Request]:
        """In the order they came; all, or those of some operations."""
        with self._changed:
            return [each for each in self._requests if not operations or each.operation in operations]

    def calls(self, service: str | None = None) -> Counter[str]:
        return Counter(each.operation for each in self.requests() if service in (None, each.service))

    def wait_for(self, operation: str, times: int = 1, where: Callable[[Request], bool] | None = None) -> Request:
        """The nth such request of the binary, once its answer is on its way."""

        def matching() -> list[Request]:
            wanted = [each for each in self._requests if each.operation == operation and each.answered]
            return [each for each in wanted if where is None or where(each)]

        with self._changed:
            came = self._changed.wait_for(lambda: len(matching()) >= times, PATIENCE)
            assert came, f"no {operation} number {times}; there were {[r.operation for r in self._requests]}"
            return matching()[times - 1]

    def started(self, times: int = 1) -> str:
        """The id of the experiment that the binary has started."""
        return self.wait_for("StartExperiment", times).output()["experiment"]["id"]

    def hold(self, operation: str) -> Hold:
        """Keeps back the answers to this operation of the binary."""
        with self._changed:
            return self._holds.setdefault(operation, Hold())

    def _record(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "aws-sdk-rust" not in environ.get("HTTP_USER_AGENT", ""):
            return self._app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        request = understand(environ, body)
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()
        head: dict[str, Any] = {}

        def keep(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], None]:
            head.update(status=status, headers=headers)
            return lambda _: None

        if request.operation == "DescribeAlarms" and not self.alarms_can_be_read:
            answer = b"<!doctype html><title>404 Not Found</title>"
            keep("404 NOT FOUND", [("content-type", "text/html")])
        elif refusal := self.refusals.get(request.operation):
            answer = refusal[1].encode()
            keep(f"{refusal[0]} REFUSED", [("content-type", "text/xml")])
        else:
            answer = b"".join(self._app(environ, keep))
        if self.session_seconds is not None and request.operation.startswith("AssumeRole"):
            answer = lasting(answer, self.session_seconds)
            keep(head["status"], [("content-type", "text/xml")])
        if hold := self._holds.get(request.operation):
            hold.pass_through()
        with self._changed:
            request.status, request.answer, request.answered = int(head["status"].split()[0]), answer, True
            self._changed.notify_all()
        start_response(head["status"], head["headers"])
        return [answer]


def understand(environ: dict[str, Any], body: bytes) -> Request:
    """Service and operation of a request: AWS JSON, query or REST-JSON."""
    scope = re.search(rf"/{REGION}/([a-z0-9]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
    service = scope[1] if scope else "unsigned"
    path = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
    form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        operation = target.rpartition(".")[2]
    elif "Action" in form:
        operation = form["Action"]
    elif service == "s3":
        operation = of_s3(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
    else:
        known = (name for name, route in FIS_ROUTES.items() if re.fullmatch(route, path))
        operation = next(known, path)
    try:
        fields = json.loads(body or b"{}")
    except ValueError:
        fields = form
    key = re.search(r"Credential=([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    return Request(service, operation, fields, key=key[1] if key else None)


def of_s3(method: str, path: str, query: str) -> str:
    """The operation of a request to S3 whose bucket stands in the path."""
    if "list-type=2" in query:
        return "ListObjectsV2"
    of_object = path.strip("/").count("/") > 0
    return {"PUT": "PutObject", "GET": "GetObject"}.get(method, method) if of_object else f"{method} bucket"


def lasting(answer: bytes, seconds: int) -> bytes:
    """The answer of STS, with another end of the session."""
    end = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return re.sub(rb"<Expiration>[^<]*</Expiration>", f"<Expiration>{end}</Expiration>".encode(), answer)
