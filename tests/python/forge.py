"""Forges as strict stand-ins: Prism validates every request against the forge's API description, and a recorder before
it keeps what was asked, wants the token, and remembers comments and statuses."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support import PATIENCE, ROOT

TOOLS = ROOT / ".tools" / "node"
SHAPES = Path(__file__).parent / "shapes"
TOKEN = "token-that-nobody-may-see"


@dataclass(frozen=True)
class Kind:
    """A forge's dialect."""

    name: str
    description: Path
    base: str
    header: str
    credentials: str
    comments: str

    def status_path(self, repository: str, sha: str) -> str:
        return f"{self.base}{self._repository(repository)}/statuses/{sha}"

    def comments_path(self, repository: str, number: int) -> str:
        request = "merge_requests" if self.is_gitlab else "issues"
        return f"{self.base}{self._repository(repository)}/{request}/{number}/{self.comments}"

    def _repository(self, repository: str) -> str:
        return f"/projects/{repository.replace('/', '%2F')}" if self.is_gitlab else f"/repos/{repository}"

    @property
    def is_gitlab(self) -> bool:
        return self.name == "gitlab"


def _github(name: str, description: str, base: str) -> Kind:
    path = TOOLS / "shapes" / f"{description}.json"
    return Kind(name, path, base, "authorization", f"Bearer {TOKEN}", "comments")


GITHUB = _github("github", "api.github.com", "")
ENTERPRISE = _github("enterprise", "ghes-3.19", "/api/v3")
GITLAB = Kind("gitlab", SHAPES / "gitlab.yaml", "/api/v4", "private-token", TOKEN, "notes")
KINDS = (GITHUB, ENTERPRISE, GITLAB)


class Prism:
    """Serves a description: examples as answers, and a refusal for whatever the description does not allow."""

    def __init__(self, description: Path) -> None:
        program = TOOLS / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
        assert program.is_file() and description.is_file(), "the tools are missing: make python-test installs them"
        self._process = subprocess.Popen(
            ["node", program, "mock", "--errors", "--host", "127.0.0.1", "--port", "0", description],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._said: list[str] = []
        self._port: int | None = None
        self._listening = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        # To its end, so that it never blocks on a full pipe.
        for line in self._process.stdout or ():
            self._said.append(line)
            if found := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                self._port = int(found[1])
                self._listening.set()
        self._listening.set()

    @property
    def port(self) -> int:
        assert self._listening.wait(PATIENCE) and self._port, f"Prism does not listen\n{''.join(self._said)}"
        return self._port

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class Request:
    """One request and its answer."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    status: int
    answer: Any

    @property
    def is_status(self) -> bool:
        return self.method == "POST" and "/statuses/" in self.path


class Recorder:
    """A forge for one test."""

    def __init__(self, kind: Kind, prism: Prism) -> None:
        self.kind = kind
        self.requests: list[Request] = []
        self.comments: list[dict[str, Any]] = []
        self._states: dict[tuple[str, str], str] = {}
        self._upstream = prism.port
        self._lock = threading.Lock()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, answer = recorder._serve(self.command, self.path, dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def api_url(self) -> str:
        return self.origin + self.kind.base

    @property
    def statuses(self) -> list[Request]:
        return [request for request in self.requests if request.is_status]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        with self._lock:
            status, answer = self._answer(method, target, headers, body)
            url = urlsplit(target)
            told = Request(method, url.path, parse_qs(url.query), _json(body), status, answer)
            self.requests.append(told)
        return status, json.dumps(answer).encode()

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        headers = {name.lower(): value for name, value in headers.items()}
        if headers.get(self.kind.header) != self.kind.credentials:
            return 401, {"message": "Bad credentials"}
        status, answer = self._validated(method, target, headers, body)
        if status >= 300:
            return status, answer
        path, sent = urlsplit(target).path, _json(body)
        if self.kind.is_gitlab and "/statuses/" in path:
            return self._move(path, sent, answer)
        if method == "POST" and "/statuses/" in path:
            # The description's example tells of another status.
            return status, answer | {name: sent[name] for name in ("context", "key", "state") if name in sent}
        if found := re.search(rf"/{self.kind.comments}(?:/(\d+))?$", path):
            return self._comment(method, found[1], sent, status, answer)
        return status, answer

    def _validated(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Prism's answer."""
        passed = {name: headers[name] for name in ("accept", "content-type", self.kind.header) if name in headers}
        connection = HTTPConnection("127.0.0.1", self._upstream, timeout=PATIENCE)
        try:
            connection.request(method, target, body or None, passed)
            answer = connection.getresponse()
            return answer.status, _json(answer.read())
        finally:
            connection.close()

    def _comment(self, method: str, number: str | None, sent: Any, status: int, example: Any) -> tuple[int, Any]:
        if method == "GET":
            return status, self.comments
        if method == "POST":
            made = example | {"id": len(self.comments) + 1, "body": sent["body"]}
            self.comments.append(made)
            return status, made
        for comment in self.comments:
            if str(comment["id"]) == number:
                comment["body"] = sent["body"]
                return status, comment
        return 404, {"message": "Not Found"}

    def _move(self, path: str, sent: Any, example: Any) -> tuple[int, Any]:
        """GitLab's state machine: created, pending, running, and one end, after which a status begins anew."""
        order = {"": 0, "pending": 1, "running": 2}
        key = (path, sent.get("name") or sent.get("context") or "default")
        before, after = self._states.get(key, ""), sent["state"]
        if order.get(after, 3) <= order[before]:
            event = {"pending": "enqueue", "running": "run"}[after]
            return 400, {"message": f"Cannot transition status via :{event} from :{before}"}
        self._states[key] = after if after in order else ""
        return 201, example | {"status": after, "name": key[1]}


def _json(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode(errors="replace")


def prisms() -> Iterator[Any]:
    """Gives the Prism of a kind, each started when it is first wanted."""
    started: dict[str, Prism] = {}

    def prism(kind: Kind) -> Prism:
        if kind.name not in started:
            started[kind.name] = Prism(kind.description)
        return started[kind.name]

    yield prism
    for each in started.values():
        each.stop()
