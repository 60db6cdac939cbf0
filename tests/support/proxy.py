"""A TCP proxy that cuts, stalls and forgets, at the very byte a test asks for."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

CHUNK = 64 * 1024


@dataclass
class Proxy:
    """Listens on `port`. What the server sends is counted over all connections of a client in `passed`."""

    to_port: int
    cut_after: list[int] = field(default_factory=list)
    """For each connection in turn, how many bytes of the server's pass before it is cut; none left: never."""
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=32))
    passed: int = 0
    cuts: int = 0
    connections: int = 0
    refusing: bool = False
    flowing: threading.Event = field(default_factory=threading.Event)
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _closing: bool = False

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Cuts every connection, now."""
        self.cuts += 1
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def stall(self) -> None:
        """Connections stay, and nothing passes any more."""
        self.flowing.clear()

    def go_on(self) -> None:
        self.flowing.set()

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.refusing:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.to_port), 5)
            except OSError:
                client.close()
                continue
            self.connections += 1
            budget = self.cut_after.pop(0) if self.cut_after else None
            self._open += [client, server]
            self._start(client, server, None)
            self._start(server, client, budget)

    def _start(self, source: socket.socket, target: socket.socket, budget: int | None) -> None:
        thread = threading.Thread(target=self._pass, args=(source, target, budget), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _pass(self, source: socket.socket, target: socket.socket, budget: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                while not self._closing and not self.flowing.wait(0.05):
                    pass
                if budget is not None:
                    data, budget = data[:budget], budget - len(data)
                target.sendall(data)
                self.passed += len(data)
                if budget is not None and budget <= 0:
                    self.cuts += 1
                    break
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._closing = True
        self.flowing.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for one in self._open:
            one.close()


@contextlib.contextmanager
def proxy(to_port: int, cut_after: list[int] | None = None) -> Iterator[Proxy]:
    made = Proxy(to_port, cut_after or [])
    made.flowing.set()
    thread = threading.Thread(target=made._accept, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        thread.join(5)
