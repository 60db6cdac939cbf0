"""One invocation: what was asked for before the verb, and the way from there to an opened environment."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from planaria.cli.output import Output
from planaria.cli.progress import Lines, bars, nothing
from planaria.core.clock import Clock
from planaria.service.system_clock import SystemClock, system_randomness

if TYPE_CHECKING:
    from planaria.service.environment import Environment, Host
    from planaria.settings.model import Settings

Progress = Callable[[str, int, int | None], None]


@dataclass(slots=True)
class Invocation:
    config: Path | None
    output: Output
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Clock = field(default_factory=SystemClock)
    stopping: threading.Event = field(default_factory=threading.Event)
    verb: str = ""

    def config_path(self) -> Path:
        """Raises ConfigurationError."""
        from planaria.settings.load import find

        return find(self.config, self.environ)

    def settings(self) -> "Settings":
        """Raises ConfigurationError."""
        from planaria.drivers.registry import options_models
        from planaria.settings.load import load

        return load(self.config_path(), options_models())

    def host(self, progress: Progress = nothing) -> "Host":
        from planaria.service.environment import Host

        warn, stopping = self.output.warn, self.stopping.is_set
        return Host(self.clock, system_randomness, self.environ, warn, progress, stopping)

    def environment(self, progress: Progress = nothing) -> "Environment":
        """Raises ConfigurationError, RepositoryRefused, errors of the store."""
        from planaria.service.environment import open_environment

        return open_environment(self.settings(), self.host(progress))

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        if self.output.quiet or (self.output.json and not sys.stderr.isatty()):
            yield nothing
        elif sys.stderr.isatty():
            with bars() as shown:
                yield shown
        else:
            yield Lines(self.clock)

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM ask to end cleanly; the second one interrupts at once."""

        def stop(number: int, frame: FrameType | None) -> None:
            if self.stopping.is_set():
                raise KeyboardInterrupt
            self.stopping.set()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
