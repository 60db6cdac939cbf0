"""A server that answers S3 requests as a test says, byte by byte: what stores do that a healthy radosgw never does."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from planaria.storage.options import StoreOptions


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    declared: int | None = None
    """Content-Length, where it is not that of the body."""


Behaviour = Callable[[Request], Answer]


@dataclass
class OddS3:
    port: int
    scheme: str = "http"
    seen: list[Request] = field(default_factory=list)

    def options(self, **more: object) -> StoreOptions:
        chosen: dict[str, object] = {
            "endpoint": f"{self.scheme}://127.0.0.1:{self.port}",
            "access_key": "AKIDOFTESTS",
            "secret_key": "never-shown",
            "path_style": True,
            "allow_http": True,
            "timeout": 10.0,
        }
        return StoreOptions(**(chosen | more))  # type: ignore[arg-type]


def error(status: int, code: str, message: str = "") -> Answer:
    """As S3 words it, with what must never be repeated in it."""
    secret = "<StringToSign>AWS4-HMAC-SHA256 secret</StringToSign>"
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message>{secret}</Error>"
    return Answer(status, {"Content-Type": "application/xml"}, body.encode())


@contextlib.contextmanager
def serving(behaviour: Behaviour, context: ssl.SSLContext | None = None) -> Iterator[OddS3]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body)
            odd.seen.append(request)
            answer = behaviour(request)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            declared = len(answer.body) if answer.declared is None else answer.declared
            self.send_header("Content-Length", str(declared))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
                self.close_connection = declared != len(answer.body)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _answer  # noqa: N815 - names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Tests read `seen` instead."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.block_on_close = True
    server.daemon_threads = True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    odd = OddS3(server.server_port, "https" if context else "http")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield odd
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
