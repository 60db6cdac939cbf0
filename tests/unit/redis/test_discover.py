"""The map of a cluster, and which stream a shard keeps."""

from planaria.drivers.redis.discover import by_stream, parse_nodes
from planaria.drivers.redis.endpoint import Endpoint

ASKED = Endpoint("10.0.0.1", 7000)
A, B, C, D, E = (letter * 40 for letter in "abcde")


def nodes(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def test_masters_replicas_and_slots_in_order() -> None:
    found = parse_nodes(
        nodes(
            f"{B} 10.0.0.2:7001@17001,redis-1 master - 0 1 2 connected 8192-16383",
            f"{A} 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-100 102 104-8191",
            f"{C} 10.0.0.3:7002@17002 slave {A} 0 1 1 connected",
            f"{D} 10.0.0.4:7003@17003 slave,fail {A} 0 1 1 disconnected",
            f"{E} 10.0.0.5:7004@17004 master - 0 1 3 connected",
        ),
        ASKED,
    )
    assert [shard.master for shard in found] == [Endpoint("10.0.0.1", 7000), Endpoint("10.0.0.2", 7001)]
    assert found[0].slots == ((0, 100), (102, 102), (104, 8191))
    assert found[0].replicas == (Endpoint("10.0.0.3", 7002),), "a failed one cannot be read from"
    assert found[0].names == (A, C, D), "but may come back"
    assert found[0].moving == found[1].moving == ()


def test_slots_on_their_way_are_seen() -> None:
    (shard,) = parse_nodes(f"{A} :7000@17000 myself,master - 0 0 1 connected 0-16383 [93->-{B}] [77-<-{B}]", ASKED)
    assert shard.moving == (f"93->-{B}", f"77-<-{B}")
    assert shard.master == ASKED, "a node that does not know its own address is where we asked"


def test_an_address_of_version_six() -> None:
    (shard,) = parse_nodes(f"{A} ::1:7000@17000 myself,master - 0 0 1 connected 0-16383", ASKED)
    assert shard.master == Endpoint("::1", 7000)


def test_a_promoted_replica_keeps_the_stream_of_its_shard() -> None:
    before = nodes(f"{A} h:1@2 master - 0 0 1 connected 0-16383", f"{B} h:3@4 slave {A} 0 0 1 connected")
    after = nodes(f"{B} h:3@4 master - 0 0 2 connected 0-16383", f"{A} h:1@2 master,fail - 0 0 1 disconnected")
    first = by_stream(parse_nodes(before, ASKED), {})
    assert list(first) == [A]
    known = {stream: list(shard.names) for stream, shard in first.items()}
    second = by_stream(parse_nodes(after, ASKED), known)
    assert list(second) == [A]
    assert second[A].master == Endpoint("h", 3)


def test_a_new_shard_has_a_stream_of_its_own() -> None:
    both = nodes(f"{A} h:1@2 master - 0 0 1 connected 0-99", f"{C} h:5@6 master - 0 0 3 connected 100-16383")
    assert list(by_stream(parse_nodes(both, ASKED), {A: [A, B]})) == [A, C]
