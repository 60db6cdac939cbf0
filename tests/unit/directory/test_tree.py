"""The walk that everything else follows."""

from pathlib import Path

from planaria.drivers.directory.tree import order, walk


def _not_proc(path: str) -> bool:
    return path.split("/")[0] != "proc"


def _below_proc(path: str) -> bool:
    return _not_proc(path) or (path.startswith("proc/") and path != "proc/uptime")


def test_other_file_systems_are_entered_unless_told_otherwise() -> None:
    """`/proc` is always one."""
    found = walk(Path("/"), _below_proc, one_file_system=False, vanished=lambda _: None)
    assert [one.path for one in found] == ["proc", "proc/uptime"]
    found = walk(Path("/"), _not_proc, one_file_system=True, vanished=lambda _: None)
    assert [one.path for one in found] == ["proc"]


def test_the_order_of_paths_is_the_order_of_the_walk(tmp_path: Path) -> None:
    for path in ("a/b/c", "a-b", "a.c", "a/b-d", "b", "ä/x"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    paths = [one.path for one in walk(tmp_path, lambda _: False, one_file_system=False, vanished=lambda _: None)]
    assert paths == sorted(paths, key=order)
    assert len(paths) == 9
