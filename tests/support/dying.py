"""`planaria` that signals itself at a chosen place: `python -m tests.support.dying HOW PLACE NUMBER ARGUMENT…`.

HOW is the name of a signal. PLACE is `journaled` (behind the NUMBERth event of a run's journal), `cut` (in the middle
of writing it) or a directory (at the NUMBERth opening of a file in it; work goes on there when the signal is handled).
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from planaria.cli.main import main
from planaria.recovery.run_journal import RunFiles


def at_event(how: signal.Signals, number: int, *, cut: bool) -> None:
    append, count = RunFiles.append, 0

    def counted(self: RunFiles, run: str, event: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        if cut and count == number:
            self.directory.mkdir(parents=True, exist_ok=True)
            with (self.directory / f"{run}.jsonl").open("ab") as file:
                line = json.dumps(event).encode()
                file.write(line[: len(line) // 2])
            os.kill(os.getpid(), how)
        append(self, run, event)
        if count == number:
            os.kill(os.getpid(), how)

    setattr(RunFiles, "append", counted)  # noqa: B010 - the type checker knows that this is not done


def at_opening(how: signal.Signals, directory: str, number: int) -> None:
    count = 0

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if (
            event == "open"
            and isinstance(arguments[0], str | bytes)
            and os.fsdecode(arguments[0]).startswith(directory)
        ):
            count += 1
            if count == number:
                os.kill(os.getpid(), how)

    sys.addaudithook(audit)


if __name__ == "__main__":
    name, place, text, *arguments = sys.argv[1:]
    if place in ("journaled", "cut"):
        at_event(signal.Signals[name], int(text), cut=place == "cut")
    else:
        at_opening(signal.Signals[name], str(Path(place).absolute()), int(text))
    main(arguments)
