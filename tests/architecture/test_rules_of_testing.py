"""What the plugins in tests/support promise about every run, proven on runs of their own."""

from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = ("tests.support.ci_rules", "tests.support.isolation", "tests.support.seeds")


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> "Runner":
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("CI", raising=False)
    return Runner(pytester, monkeypatch)


class Runner:
    """A small suite, file by file, in a directory of its own, run by a pytest of its own."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self._pytester, self._monkeypatch = pytester, monkeypatch

    def __call__(self, files: Mapping[str, str], *arguments: str, ci: bool = False) -> pytest.RunResult:
        if ci:
            self._monkeypatch.setenv("CI", "true")
        for name, source in files.items():
            file = self._pytester.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("import socket, subprocess, threading, time\nimport pytest\n" + source)
        plugins = [argument for name in PLUGINS for argument in ("-p", name)]
        return self._pytester.runpytest_subprocess("--rootdir=.", *plugins, *arguments, timeout=60)


SKIPS = {
    "test_mark.py": "@pytest.mark.skip(reason='no server')\ndef test_it(): pass",
    "test_condition.py": "@pytest.mark.skipif(True, reason='no server')\ndef test_it(): pass",
    "test_call.py": "def test_it(): pytest.skip('no server')",
    "test_fixture.py": "@pytest.fixture\ndef server(): pytest.skip('no disk')\ndef test_it(server): pass",
    "test_module.py": "pytest.skip('no disk', allow_module_level=True)",
}
RUNS = {
    "test_passes.py": "def test_it(): pass",
    "test_known.py": "@pytest.mark.xfail(reason='known')\ndef test_it(): assert False",
}


def test_ci_takes_every_skip_as_a_failure_and_names_test_and_reason(run: Runner) -> None:
    result = run(SKIPS | RUNS, "--continue-on-collection-errors", ci=True)
    result.assert_outcomes(passed=1, xfailed=1, failed=1, errors=4)
    for name, source in SKIPS.items():
        reason = "no server" if "no server" in source else "no disk"
        result.stdout.fnmatch_lines(f"{name}* was skipped, and CI=true leaves nothing out: {reason}")


def test_ci_is_content_when_nothing_was_skipped(run: Runner) -> None:
    assert run(RUNS, ci=True).ret == 0


def test_elsewhere_the_end_says_what_was_not_run_and_why(run: Runner) -> None:
    result = run(SKIPS | RUNS)
    assert result.ret == 0
    result.stdout.fnmatch_lines_random(
        ["not run here: 3 tests, because no server", "not run here: 2 tests, because no disk"]
    )


REACHES_OUT = {
    "socket.connect": "socket.socket().connect(('127.0.0.1', 9))",
    "socket.bind": "socket.socket().bind(('127.0.0.1', 0))",
    "socket.getaddrinfo": "socket.getaddrinfo('localhost', 80)",
    "subprocess.Popen": "subprocess.run(['true'])",
    "time.sleep": "time.sleep(0)",
}


@pytest.mark.parametrize("tier", ["unit", "property"])
def test_a_quiet_test_that_reaches_out_or_waits_fails_and_is_told_what_it_did(run: Runner, tier: str) -> None:
    numbered = enumerate(REACHES_OUT.values())
    body = "\n".join(f"def test_{number}():\n    {statement}" for number, statement in numbered)
    result = run({f"tests/{tier}/test_it.py": body})
    result.assert_outcomes(failed=len(REACHES_OUT), errors=len(REACHES_OUT))
    result.stdout.fnmatch_lines_random([f"*{what} in a test that must do without" for what in REACHES_OUT])


IN_A_THREAD = """
def test_it():
    one = threading.Thread(target=lambda: time.sleep(0))
    one.start()
    one.join()
"""
SWALLOWED = """
def test_it():
    try: subprocess.run(['true'])
    except AssertionError: pass
"""


def test_a_quiet_test_is_found_out_when_a_thread_does_it_or_the_error_is_swallowed(run: Runner) -> None:
    result = run({"tests/unit/test_a.py": IN_A_THREAD, "tests/unit/test_b.py": SWALLOWED}, "-W", "ignore")
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines_random(["not allowed here: time.sleep", "not allowed here: subprocess.Popen"])


def test_other_tiers_may_reach_out_and_wait_even_after_a_quiet_one(run: Runner) -> None:
    allowed = [statement for what, statement in REACHES_OUT.items() if what != "socket.connect"]
    body = "def test_it():\n    " + "\n    ".join(allowed)
    files = {"tests/unit/test_first.py": "def test_it(): pass", "tests/z/test_it.py": body}
    run(files, "-W", "ignore").assert_outcomes(passed=2)


DRAWS = {
    "test_it.py": """
from hypothesis import given, strategies as st
def test_fixture(seed): print("drew", seed)
@given(st.integers())
def test_hypothesis(number): print("drew", number)
"""
}


def _drawn(result: pytest.RunResult) -> list[str]:
    drawn = [line for line in result.outlines if "drew" in line]
    assert len(drawn) > 50
    return drawn


def test_a_run_says_its_seed_and_the_seed_repeats_its_draws(run: Runner) -> None:
    first = run(DRAWS, "-s", "-q")
    number = next(line.split()[1] for line in first.outlines if line.startswith("seed: "))
    again = run(DRAWS, "-s", "-q", f"--seed={number}")
    other = run(DRAWS, "-s", "-q", f"--seed={int(number) + 1}")
    assert _drawn(again) == _drawn(first)
    assert _drawn(other) != _drawn(first)


def test_ci_draws_the_same_every_time(run: Runner) -> None:
    assert _drawn(run(DRAWS, "-s", "-q", ci=True)) == _drawn(run(DRAWS, "-s", "-q", ci=True))
