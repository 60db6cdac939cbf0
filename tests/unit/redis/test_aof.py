"""Manifests of multi-part append-only files."""

import pytest

from planaria.drivers.redis.aof import AofFile, Manifest, manifest_name, parse, restored, server_options

TEXT = "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"


def test_what_a_restore_writes() -> None:
    assert restored().text() == TEXT
    assert parse(TEXT) == restored()
    assert restored("other").base == AofFile("other.1.base.rdb", 1, "b")
    assert manifest_name() == "appendonly.aof.manifest"
    assert server_options("x", "y") == {"appendonly": "yes", "appendfilename": "x", "appenddirname": "y"}


def test_what_a_server_may_write() -> None:
    text = (
        "# comment\n\n"
        "file appendonly.aof.2.base.rdb seq 2 type b\n"
        "file appendonly.aof.1.incr.aof seq 1 type h\n"
        'file "append \\"only\\".3.incr.aof" seq 3 type i startoffset 17\n'
        "type i seq 4 file appendonly.aof.4.incr.aof\r\n"
    )
    found = parse(text)
    assert found.base == AofFile("appendonly.aof.2.base.rdb", 2, "b")
    assert [file.name for file in found.increments] == ['append "only".3.incr.aof', "appendonly.aof.4.incr.aof"]


@pytest.mark.parametrize("name", ["plain.aof", "with blank.aof", 'with "quotes"', "back\\slash", "line\nfeed", "apo's"])
def test_any_name_comes_back(name: str) -> None:
    manifest = Manifest((AofFile(name, 1, "i"),))
    assert parse(manifest.text()) == manifest


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("file a seq 1", "line 2 of the manifest is not"),
        ("file a seq x type i", "line 2 of the manifest is not"),
        ("file a seq 1 type z", "line 2 of the manifest is not"),
        ("file ../a seq 1 type i", "line 2 of the manifest is not"),
        ("seq 1 type i", "line 2 of the manifest is not"),
        ("file a seq 1 type i odd", "line 2 of the manifest is not"),
        ("file b seq 2 type b", "line 2 of the manifest names a second base"),
    ],
)
def test_a_wrong_line_is_named(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(f"file base seq 1 type b\n{line}\n")


def test_increments_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="line 2 of the manifest is out of order"):
        parse("file a seq 2 type i\nfile b seq 2 type i\n")
