"""The front of an account that trusts OpenID tokens alone: its STS, and the account for whoever has keys of a session."""

from __future__ import annotations

import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from docker_world import Account, Network

ROLE = "arn:aws:iam::123456789012:role/ci/chaos"
SESSION = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>e2e</SecretAccessKey>
<SessionToken>e2e</SessionToken><Expiration>{end}</Expiration></Credentials>
<AssumedRoleUser><AssumedRoleId>AROAE2E:e2e</AssumedRoleId><Arn>{role}/e2e</Arn></AssumedRoleUser>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""
REFUSED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>{code}</Code><Message>not by this</Message></Error></ErrorResponse>"""


class Front:
    """`trusts` says whether a token is good; `keys` are those of the sessions, in order; `strange` is what was asked
    with others."""

    def __init__(self, network: Network, account: Account, trusts: Callable[[str], bool]) -> None:
        self.tokens: list[str] = []
        self.keys: list[str] = []
        self.strange: list[str] = []
        self._account, self.trusts = account, trusts
        front = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, headers, answer = front._answer(self, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = answer

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer((network.gateway, 0), Handler)
        host, port = self._server.server_address[:2]
        self._url = f"http://{host}:{port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def variables(self) -> dict[str, str]:
        return self._account.variables() | {"AWS_ENDPOINT_URL": self._url}

    def _answer(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        signed = re.search(r"Credential=([^/]+)/", request.headers.get("authorization", ""))
        if not signed:
            return self._assume(parse_qs(body.decode()))
        if signed[1] not in self.keys:
            self.strange.append(f"{request.command} {request.path} by {signed[1]}")
            return 403, {}, b"{}"
        return self._forward(request, body)

    def _assume(self, form: dict[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
        (token,) = form.get("WebIdentityToken", [""])
        asked = (form.get("Action"), form.get("RoleArn"))
        if asked != (["AssumeRoleWithWebIdentity"], [ROLE]) or not self.trusts(token):
            self.strange.append(f"{asked}")
            return 400, {"content-type": "text/xml"}, REFUSED.format(code="InvalidIdentityToken").encode()
        self.tokens.append(token)
        self.keys.append(f"ASIAE2E{len(self.keys)}")
        end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return 200, {"content-type": "text/xml"}, SESSION.format(key=self.keys[-1], end=end, role=ROLE).encode()

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        dropped = {"host", "connection", "content-length", "accept-encoding"}
        headers = {name: value for name, value in request.headers.items() if name.lower() not in dropped}
        method = request.command
        there = urllib.request.Request(
            self._account.here + request.path, data=body or None, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(there, timeout=60) as answer:
                return answer.status, _kept(answer.headers), answer.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, _kept(refusal.headers), refusal.read()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _kept(headers: object) -> dict[str, str]:
    dropped = {"content-length", "transfer-encoding", "connection", "date", "server"}
    return {name: value for name, value in headers.items() if name.lower() not in dropped}  # type: ignore[attr-defined]
