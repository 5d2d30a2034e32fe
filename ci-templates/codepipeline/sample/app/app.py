"""A shop of one page: its shelf, as the database has it. A page that takes longer than its budget is not served."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

BUDGET_SECONDS = 1.0
PRODUCTS = [f"product {number:02}" for number in range(10)]
Query = Callable[..., list[Any]]


def shelf(query: Query) -> list[Any]:
    return query("SELECT name, price FROM products ORDER BY name")


def page(query: Query, now: Callable[[], float] = time.monotonic) -> tuple[int, str]:
    """Status and body of the shop's page."""
    began = now()
    try:
        rows = shelf(query)
    except Exception as error:  # whatever the database has to say, the customer gets an answer
        return 503, f"the database cannot be reached: {type(error).__name__}\n"
    if now() - began > BUDGET_SECONDS:
        return 503, "too slow\n"
    return 200, "".join(f"{name}: {price}\n" for name, price in rows)


class Database:
    """A few connections that stay open."""

    def __init__(self, size: int = 4) -> None:
        self.connections: Queue[Any] = Queue()
        for _ in range(size):
            self.connections.put(None)

    def query(self, sql: str, **values: Any) -> list[Any]:
        connection = self.connections.get()
        try:
            connection = connection or self._connect()
            return list(connection.run(sql, **values) or [])
        except Exception:
            connection = None
            raise
        finally:
            self.connections.put(connection)

    def _connect(self) -> Any:
        import pg8000.native  # brought along by the build

        command = ["aws", "secretsmanager", "get-secret-value", "--secret-id", os.environ["DATABASE_SECRET"],
                   "--query", "SecretString", "--output", "text"]  # fmt: skip
        secret = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        return pg8000.native.Connection(
            secret["username"],
            host=os.environ["DATABASE_HOST"],
            database="shop",
            password=secret["password"],
            ssl_context=ssl.create_default_context(cafile="rds.pem"),
            timeout=10,
        )

    def stock(self) -> None:
        self.query("CREATE TABLE IF NOT EXISTS products (name text PRIMARY KEY, price int NOT NULL)")
        for name in PRODUCTS:
            self.query("INSERT INTO products VALUES (:name, 100) ON CONFLICT DO NOTHING", name=name)


def handler(query: Query) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = (200, "ok\n") if self.path == "/health" else page(query)
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

    return Handler


if __name__ == "__main__":
    database = Database()
    database.stock()
    ThreadingHTTPServer(("", 8080), handler(database.query)).serve_forever()
