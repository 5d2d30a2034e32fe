"""A real Prometheus, and the one target that it scrapes once a second."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support import PATIENCE, eventually

BINARY = os.environ.get("PROMETHEUS")


class Target:
    """Metrics that a test may set."""

    def __init__(self) -> None:
        self.metrics = {
            "shop_up": "1",
            'shop_latency_seconds{path="/cart"}': "0.2",
            'shop_latency_seconds{path="/pay"}': "0.7",
            "shop_share": "NaN",
            "shop_limit": "+Inf",
        }
        metrics = self.metrics

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = "".join(f"{name} {value}\n" for name, value in metrics.items()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Scrapes are not printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)


CONFIG = """
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: shop
    static_configs: [{ targets: ["%s"] }]
"""


class Prometheus:
    """The server, on a port of the kernel's choice; `url` has a path before the API's."""

    def __init__(self, home: Path) -> None:
        assert BINARY
        self.target = Target()
        config = home / "prometheus.yml"
        config.write_text(CONFIG % self.target.address, encoding="utf-8")
        self._log: list[str] = []
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            [
                BINARY, f"--config.file={config}", f"--storage.tsdb.path={home / 'data'}",
                "--web.listen-address=127.0.0.1:0", "--web.route-prefix=/monitoring/",
            ],
            cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.url = f"http://{self._address()}/monitoring"
            eventually(lambda: self._get("/-/ready"), f"ready\n{self._transcript()}")
            self.until("count(shop_latency_seconds) == 2")
        except BaseException:
            self.stop()
            raise

    def _read(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            with self._changed:
                self._log.append(line)
                self._changed.notify_all()

    def _transcript(self) -> str:
        return "".join(self._log)

    def _address(self) -> str:
        def told() -> str | None:
            lines = (re.search(r'msg="Listening on".* address=(127\.0\.0\.1:\d+)', line) for line in self._log)
            return next((found[1] for found in lines if found), None)

        with self._changed:
            address = self._changed.wait_for(told, PATIENCE)
        assert address, f"it does not say where it listens\n{self._transcript()}"
        return address

    def _get(self, path: str) -> bytes | None:
        try:
            with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
                return answer.read()
        except urllib.error.HTTPError:
            return None

    def asked(self, query: str) -> dict[str, Any]:
        """What it answers to an instant query, refusals included."""
        path = self.url + "/api/v1/query?" + urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(path, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            return json.load(refusal)

    def until(self, query: str) -> None:
        """Returns when the query has a result."""
        path = "/api/v1/query?" + urllib.parse.urlencode({"query": query})
        eventually(lambda: json.loads(self._get(path) or b"{}").get("data", {}).get("result"), query)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        self.target.stop()
