"""Windows against a model that plays a source, a clock and followers tick by tick, and asks about every instant."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from planaria.core.instant import Instant
from planaria.core.position import Position
from planaria.core.windows import BasePoint, Reach, Span, ambiguous, candidates, merged, reach

EXACT, LATE, AWAY = "exact", "late", "away"


@dataclass
class World:
    """Tick by tick: what the clock shows, where the source stands, in which history."""

    clock: list[int] = field(default_factory=list)
    position: list[int] = field(default_factory=list)
    lineage: list[str] = field(default_factory=list)

    def jumped(self, tick: int) -> bool:
        return tick > 0 and self.clock[tick] != self.clock[tick - 1] + 1

    def broke(self, tick: int) -> bool:
        return tick > 0 and self.lineage[tick] != self.lineage[tick - 1]

    def state(self, tick: int) -> tuple[str, int]:
        return self.lineage[tick], self.position[tick]


@dataclass
class Follower:
    """What one follower recorded: spans, and in which mode it saw each tick."""

    spans: list[Span] = field(default_factory=list)
    saw: dict[int, str] = field(default_factory=dict)


def followed(world: World, modes: Sequence[str], cuts: set[int], loses: bool) -> Follower:
    """`modes` per tick; `loses`: what was missed while away is lost instead of sent late."""
    mine, held, tick = Follower(), world.position[0], 0
    while tick < len(modes):
        mode, first = modes[tick], tick
        if mode == AWAY:
            tick += 1
            continue
        while tick + 1 < len(modes) and modes[tick + 1] == mode and tick not in cuts and not _ends(world, tick):
            tick += 1
        goes_on = first > 0 and modes[first - 1] == mode and not _ends(world, first - 1)
        begin_tick = first - 1 if goes_on else first
        if not goes_on and (loses or first == 0 or world.broke(first)):
            held = world.position[first]
        late = mode == LATE or (not goes_on and held != world.position[first])
        mine.spans.append(_span(world, held, begin_tick, tick, exact=not late, goes_on=goes_on))
        mine.saw |= dict.fromkeys(range(begin_tick, tick + 1), LATE if late else EXACT)
        held = world.position[tick]
        tick += 1
    return mine


def _ends(world: World, tick: int) -> bool:
    return tick + 1 < len(world.clock) and (world.jumped(tick + 1) or world.broke(tick + 1))


def _span(world: World, held: int, first: int, last: int, *, exact: bool, goes_on: bool) -> Span:
    at = [world.clock[tick] for tick in range(first, last + 1)]
    moves = [now for now, tick in zip(at, range(first, last + 1), strict=True) if _came(world, held, first, tick)]
    moved = (Instant(moves[0]), Instant(moves[-1])) if moves else None
    begin, end = held, world.position[last]
    reason = "late" if not exact else "" if goes_on else "broken"
    return Span(world.lineage[last], begin, end, Instant(at[0]), Instant(at[-1]), exact, reason, moved)


def _came(world: World, held: int, first: int, tick: int) -> bool:
    before = held if tick == first else world.position[tick - 1]
    return world.position[tick] > before


@st.composite
def worlds(draw: st.DrawFn, *, jumps: bool) -> World:
    world, now, place, name = World(), 1000, 0, 0
    for _ in range(draw(st.integers(3, 40))):
        event = draw(st.sampled_from(("quiet", "move", "move", "jump", "break")))
        if event == "jump" and jumps:
            now += draw(st.integers(-12, 12))
        elif event == "break" and draw(st.booleans()):
            name += 1
            place += 100
        elif event == "move":
            place += draw(st.integers(1, 3))
        now += 1
        world.clock.append(now)
        world.position.append(place)
        world.lineage.append(f"history-{name}")
    return world


@st.composite
def followers(draw: st.DrawFn, world: World) -> Follower:
    modes: list[str] = []
    while len(modes) < len(world.clock):
        modes += [draw(st.sampled_from((EXACT, EXACT, LATE, AWAY)))] * draw(st.integers(1, 12))
    cuts = draw(st.sets(st.integers(0, len(world.clock) - 1)))
    return followed(world, modes[: len(world.clock)], cuts, draw(st.booleans()))


def base_of(world: World, tick: int) -> BasePoint:
    return BasePoint(str(tick), Instant(world.clock[tick]), {"main": Position(*world.state(tick))})


@st.composite
def some_bases(draw: st.DrawFn, world: World) -> list[BasePoint]:
    ticks = draw(st.lists(st.integers(0, len(world.clock) - 1), min_size=1, max_size=3, unique=True))
    return [base_of(world, tick) for tick in sorted(ticks)]


def reachable(world: World, mine: Sequence[Follower], bases: Sequence[BasePoint]) -> dict[int, set[tuple[str, int]]]:
    """Instant → states that an unbroken journal from some base brings back exactly there."""
    found: dict[int, set[tuple[str, int]]] = {}
    held = {(span.lineage, byte) for one in mine for span in one.spans for byte in range(span.begin, span.end)}
    for base in bases:
        start = base.positions["main"]
        found.setdefault(base.at, set()).add((start.lineage, start.offset))
        for one in mine:
            for tick, mode in one.saw.items():
                lineage, place = world.state(tick)
                unbroken = all((lineage, byte) in held for byte in range(start.offset, place))
                fits = mode == EXACT and lineage == start.lineage and place >= start.offset and unbroken
                if fits and world.clock[tick] >= base.at:
                    found.setdefault(world.clock[tick], set()).add((lineage, place))
    return found


def seen(world: World, mine: Sequence[Follower]) -> dict[int, set[tuple[str, int]]]:
    """Instant → every state that some follower saw while the clock showed it."""
    found: dict[int, set[tuple[str, int]]] = {}
    for tick in {tick for one in mine for tick in one.saw}:
        found.setdefault(world.clock[tick], set()).add(world.state(tick))
    return found


def held_instants(found: Reach) -> set[int]:
    return {at for window in found.windows for at in range(window.first, window.last + 1)}


def crossed(world: World) -> set[int]:
    """Instants that a clock set back went over."""
    pairs = ((before, after) for before, after in pairwise(world.clock) if after <= before)
    return {at for before, after in pairs for at in range(after, before + 1)}


@given(st.data())
def test_whatever_the_clock_does_what_can_be_chosen_means_one_state(data: st.DataObject) -> None:
    world = data.draw(worlds(jumps=True))
    mine = [data.draw(followers(world))]
    bases = data.draw(some_bases(world))
    spans = merged(mine[0].spans)
    can, happened = reachable(world, mine, bases), seen(world, mine)
    edges = {at for window in ambiguous(spans) for at in (window.first, window.last)} | {one.last_at for one in spans}
    for at in held_instants(reach(bases, {"main": spans})):
        assert at in can, f"{at} is held, and no journal leads there"
        if at not in edges and at not in {base.at for base in bases}:
            assert len(happened[at]) == 1, f"{at} is held, and happened as {happened[at]}"


@given(st.data())
def test_everything_unambiguous_that_was_followed_can_be_chosen(data: st.DataObject) -> None:
    world = data.draw(worlds(jumps=True))
    mine = [data.draw(followers(world))]
    bases = data.draw(some_bases(world))
    found = held_instants(reach(bases, {"main": merged(mine[0].spans)}))
    assert set(reachable(world, mine, bases)) - crossed(world) <= found


def late_beside_exact(mine: Sequence[Follower]) -> set[int]:
    """What is given up although one saw it: the other's bytes came later than the first began anew behind them.

    A clock that was set back looks the same, and then these instants happened twice.
    """
    spans = [span for one in mine for span in one.spans]
    late = [(span.end, span.moved[1]) for span in spans if not span.exact and span.moved]
    anew = [(span.begin, span.first_at) for span in spans]
    return {at for end, came in late for begin, first in anew if begin == end for at in range(first + 1, came)}


@given(st.data())
def test_two_followers_reach_exactly_what_one_of_them_saw_in_time(data: st.DataObject) -> None:
    world = data.draw(worlds(jumps=False))
    mine = [data.draw(followers(world)), data.draw(followers(world))]
    bases = data.draw(some_bases(world))
    spans = {"main": merged(span for one in mine for span in one.spans)}
    can, held = reachable(world, mine, bases), held_instants(reach(bases, spans))
    assert held <= set(can)
    assert set(can) - held <= late_beside_exact(mine)
    for at in sorted(held)[:5]:
        assert candidates(Instant(at), bases, spans)


@given(st.data())
def test_gaps_lie_between_windows_and_are_never_without_a_reason(data: st.DataObject) -> None:
    world = data.draw(worlds(jumps=True))
    mine = data.draw(followers(world))
    found = reach(data.draw(some_bases(world)), {"main": merged(mine.spans)})
    assert [(gap.first, gap.last) for gap in found.gaps] == [(a.last, b.first) for a, b in pairwise(found.windows)]
    assert all(gap.reason and gap.first < gap.last for gap in found.gaps)


@given(st.data())
def test_merging_in_any_groups_first_changes_nothing(data: st.DataObject) -> None:
    """Bundles merge spans before the catalogue does."""
    world = data.draw(worlds(jumps=True))
    spans = [span for _ in range(2) for span in data.draw(followers(world)).spans]
    groups: list[list[Span]] = [[], [], []]
    for span in spans:
        groups[data.draw(st.integers(0, 2))].append(span)
    bases = data.draw(some_bases(world))
    at_once = reach(bases, {"main": merged(spans)})
    assert reach(bases, {"main": merged(one for group in groups for one in merged(group))}).windows == at_once.windows
