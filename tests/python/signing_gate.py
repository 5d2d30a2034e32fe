"""A workspace of Amazon Managed Service for Prometheus: a real Prometheus behind a gate that signs each request itself,
by botocore, and lets through only what is signed alike."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest import mock

import botocore.auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from prometheus_world import Prometheus
from support import PATIENCE

WORKSPACE = "/workspaces/ws-1"
TURN = threading.Lock()


class SigningGate:
    """`url` is the workspace's; `verified` tells of each request whether it was signed well."""

    def __init__(self, prometheus: Prometheus, region: str, key: str, secret: str, token: str) -> None:
        self.verified: list[bool] = []
        verified, credentials = self.verified, Credentials(key, secret, token)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                signed = self.headers.get("Authorization")
                good = signed is not None and signed == expected(self, credentials, region)
                verified.append(good)
                if good:
                    self.forward()
                elif signed is None:
                    self.answer(403, b"<html>who are you?</html>")
                else:
                    why = f"the signature does not match that of {self.headers['X-Amz-Security-Token']}\nGET {self.path}"
                    self.answer(403, json.dumps({"message": why}).encode())

            def forward(self) -> None:
                url = prometheus.url + self.path.removeprefix(WORKSPACE)
                try:
                    with urllib.request.urlopen(url, timeout=PATIENCE) as told:
                        self.answer(told.status, told.read())
                except urllib.error.HTTPError as refusal:
                    self.answer(refusal.code, refusal.read())

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Requests are not printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}{WORKSPACE}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)


def expected(request: BaseHTTPRequestHandler, credentials: Credentials, region: str) -> str:
    """The header that botocore would send with this request, made at the same time."""
    again = AWSRequest("GET", f"http://{request.headers['Host']}{request.path}", headers={"Host": request.headers["Host"]})
    # The clock is botocore's only one, and requests come together.
    with TURN, mock.patch.object(botocore.auth, "get_current_datetime") as clock:
        clock.return_value = moment(request.headers["X-Amz-Date"])
        SigV4Auth(credentials, "aps", region).add_auth(again)
    return again.headers["Authorization"]


def moment(date: str) -> datetime:
    return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
