"""GitHub's runner: how it starts a container action, and an API that takes commit statuses."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from docker_world import IMAGE, Account, Container, Network, socket_of_the_engine
from runner import read_file_commands

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TEMPLATE = "EXTrehearsal"
MAIN = "/usr/local/bin/faultgate"
POST = "/usr/local/bin/faultgate-stop"


class Api:
    """Takes what is posted, and answers nothing of use."""

    def __init__(self, network: Network) -> None:
        self.posted: list[tuple[str, dict[str, Any]]] = []
        posted = self.posted

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                posted.append((self.path, json.loads(body)))
                self.send_response(201)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer((network.gateway, 0), Handler)
        self.url = f"http://{network.gateway}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def statuses(self) -> list[str]:
        path = f"/repos/shop/web/statuses/{COMMIT}"
        assert {where for where, _ in self.posted} <= {path}
        return [body["state"] for _, body in self.posted]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Step:
    """A step that uses the action: its folders on the runner, and each stage in a new container of the image."""

    def __init__(
        self, folder: Path, account: Account, api: Api, aws: dict[str, str] | None = None, **inputs: str
    ) -> None:
        self.folder, self._account, self._api = folder, account, api
        # Where AWS is and who asks.
        self._aws = account.variables() | account.keys() if aws is None else aws
        self._inputs = {"experiment-template-id": TEMPLATE, "github-token": "ghs_e2e"} | inputs
        for name in ("temp", "home", "workflow", "file_commands", "workspace"):
            (folder / name).mkdir()
        for name in ("output", "step_summary", "env", "state", "path"):
            self._file(name).touch()
        event = {"repository": {"full_name": "shop/web"}}
        (folder / "workflow" / "event.json").write_text(json.dumps(event))

    def _file(self, name: str) -> Path:
        return self.folder / "file_commands" / f"{name}_e2e"

    def _variables(self) -> dict[str, str]:
        github = {
            "ACTION": "__faultgate", "ACTOR": "octocat", "API_URL": self._api.url, "EVENT_NAME": "push",
            "EVENT_PATH": "/github/workflow/event.json", "JOB": "gate", "REF": "refs/heads/main", "REF_NAME": "main",
            "REF_TYPE": "branch", "REPOSITORY": "shop/web", "REPOSITORY_OWNER": "shop", "RUN_ATTEMPT": "1",
            "RUN_ID": "4711", "RUN_NUMBER": "1", "SERVER_URL": "https://github.com", "SHA": COMMIT,
            "WORKFLOW": "gate", "WORKSPACE": "/github/workspace",
        }  # fmt: skip
        files = {"OUTPUT": "output", "STEP_SUMMARY": "step_summary", "ENV": "env", "STATE": "state", "PATH": "path"}
        github |= {name: f"/github/file_commands/{file}_e2e" for name, file in files.items()}
        variables = {f"GITHUB_{name}": value for name, value in github.items()}
        variables |= {f"INPUT_{name.upper()}": value for name, value in self._inputs.items()}
        variables |= {"HOME": "/github/home", "RUNNER_TEMP": "/github/runner_temp", "RUNNER_OS": "Linux"}
        variables |= {"RUNNER_NAME": "e2e", "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache"}
        return variables | self._aws

    def start(self, entrypoint: str = MAIN) -> Container:
        variables = self._variables()
        args = ["--label", "e2e", "--workdir", "/github/workspace", "--rm"]
        for name in variables:
            args += ["-e", name]
        args += ["-e", "GITHUB_ACTIONS=true", "-e", "CI=true", "--entrypoint", entrypoint]
        args += ["--network", self._account.network, "-v", f"{socket_of_the_engine()}:/var/run/docker.sock"]
        places = {"temp": "runner_temp", "home": "home", "workflow": "workflow", "file_commands": "file_commands"}
        for here, there in (places | {"workspace": "workspace"}).items():
            args += ["-v", f"{self.folder / here}:/github/{there}"]
        return Container([*args, IMAGE], variables)

    def outputs(self) -> dict[str, str]:
        return read_file_commands(self._file("output").read_text())

    def summary(self) -> str:
        return self._file("step_summary").read_text()

    def result(self) -> dict[str, Any]:
        return json.loads((self.folder / "workspace" / "faultgate-report" / "result.json").read_text())
