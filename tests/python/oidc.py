"""OpenID tokens that nobody has signed, and the endpoint by which GitHub gives them to a job."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NO_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
SIGNATURE = "bm90LXRvLWJlLXNob3du"
BEARER = "b3arer-not-to-be-shown"


def jwt(
    subject: str, issuer: str = "https://token.actions.githubusercontent.com", audience: str = "sts.amazonaws.com"
) -> str:
    """A token that nobody has signed."""

    def part(claims: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    claims = {"iss": issuer, "sub": subject, "aud": audience, "exp": 1_700_000_000}
    return f"{part({'alg': 'RS256'})}.{part(claims)}.{SIGNATURE}"


class Oidc:
    """GitHub's endpoint for tokens: each is another one."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.given: list[str] = []
        oidc = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.path == "/token?api-version=2.0&audience=sts.amazonaws.com"
                if not asked or self.headers["Authorization"] != f"Bearer {BEARER}":
                    self.send_error(401)
                    return
                oidc.given.append(jwt(f"repo:octo/shop:environment:{len(oidc.given)}"))
                body = json.dumps({"value": oidc.given[-1]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def variables(self) -> dict[str, str]:
        host, port = self._server.server_address[:2]
        url = f"http://{host}:{port}/token?api-version=2.0"
        return NO_KEYS | {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER,
        }

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
