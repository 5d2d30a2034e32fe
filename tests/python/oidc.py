"""OpenID tokens that nobody has signed, and the endpoint by which GitHub gives them to a job."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

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


def certified(host: str) -> tuple[str, ssl.SSLContext]:
    """An authority of our own, and a server of its at this address."""
    now = datetime.datetime.now(datetime.UTC)

    def certificate(name: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        named = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in (name, issuer)]
        made = x509.CertificateBuilder().subject_name(named[0]).issuer_name(named[1]).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
        return made.not_valid_after(now + datetime.timedelta(days=1))

    root, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    is_authority = x509.BasicConstraints(ca=True, path_length=0)
    authority = certificate("e2e", "e2e", root).add_extension(is_authority, critical=True).sign(root, hashes.SHA256())
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
    server = certificate("oidc", "e2e", own).add_extension(address, critical=False).sign(root, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as chain:
        chain.write(server.public_bytes(pem) + private)
        chain.flush()
        context.load_cert_chain(chain.name)
    return authority.public_bytes(pem).decode(), context


class Oidc:
    """GitHub's endpoint for tokens: each is another one. Over https where it is not on this machine."""

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
        self.authority, self._scheme = "", "http"
        if not ipaddress.ip_address(host).is_loopback:
            self.authority, context = certified(host)
            self._scheme = "https"
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def variables(self) -> dict[str, str]:
        host, port = self._server.server_address[:2]
        url = f"{self._scheme}://{host}:{port}/token?api-version=2.0"
        return NO_KEYS | {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER,
        }

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
