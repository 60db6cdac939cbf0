"""Reading a base back: every chunk authenticated, decoded and hashed again before a byte of it is handed out."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from planaria.core.base import BaseFacts, Entry
from planaria.core.errors import DamagedData, ObjectMissing, UnknownName
from planaria.repository.bases import BaseRecord
from planaria.repository.codec import Decoder
from planaria.repository.index import Index, Location, load
from planaria.repository.keys import ComponentKeys
from planaria.repository.limits import Limits
from planaria.repository.manifest import Filed, filed_of, lines
from planaria.repository.packs import pack_name
from planaria.repository.repository import Repository
from planaria.repository.sealed import (
    INDEX_KEY_ID,
    Header,
    Kind,
    Opener,
    believe,
    parse_header,
    parse_slot,
)

HEADER_GUESS = 1024
"""Bytes that hold a pack's header: fetched once a pack."""
COALESCE = 256 << 10
"""Read a gap of so many bytes rather than ask the store twice."""
SPAN = 8 << 20
"""Bytes fetched in one go, at most."""
READ_AHEAD = 16
"""Chunks that each worker of `read` holds decoded, at most."""
BATCH = 64 << 10
"""Chunks whose places `scatter` holds in memory at once: 64 GiB of large files, some 40 MB of memory."""

Span = list[tuple[Location, bytes]]


@dataclass(slots=True)
class PackReader:
    """Opens chunks by location. Shared by threads; remembers each pack's (believed) header."""

    repository: Repository
    component: str
    _keys: ComponentKeys = field(init=False)
    _openers: dict[bytes, Opener] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._keys = self.repository.component(self.component)

    def opener(self, pack: bytes) -> Opener:
        with self._lock:
            opener = self._openers.get(pack)
        if opener is None:
            name = pack_name(self.component, pack)
            header = parse_header(self._get(name, 0, HEADER_GUESS), name)
            opener = Opener(header, self._secret(header, name), name)
            with self._lock:
                self._openers[pack] = opener
        return opener

    def _secret(self, header: Header, name: str) -> bytes:
        keys = self._keys
        kind = Kind.META if header.key_id == INDEX_KEY_ID else Kind.PACK
        believe(header, keys.auth, self.repository.scope(self.component, kind), name)
        if kind is Kind.META:
            return keys.index.secret
        return self.repository.data_key(self.component, header.key_id).secret

    def _get(self, name: str, start: int, length: int) -> bytes:
        try:
            return self.repository.store.get(name, start, length)
        except ObjectMissing:
            raise DamagedData(f"{name} is missing", object_name=name, hint="planaria check") from None

    def fetch(self, pack: bytes, start: int, length: int) -> bytes:
        return self._get(pack_name(self.component, pack), start, length)

    def chunk(self, chunk_id: bytes, where: Location, data: memoryview, decoder: Decoder) -> bytes:
        """The plain bytes of the slot in `data`. Raises DamagedData."""
        name = pack_name(self.component, where.pack)
        slot = parse_slot(data[: where.size], where.offset, name)
        if slot.chunk_id != chunk_id or slot.size != where.size:
            raise DamagedData(f"{name} holds another chunk at byte {where.offset}", object_name=name)
        plain = decoder.decode(slot.codec, self.opener(where.pack).open(slot, data), slot.plain_size, name)
        if self._keys.id_of(plain) != chunk_id:
            raise DamagedData(f"{name} holds wrong bytes at byte {where.offset}", object_name=name)
        return plain

    def one(self, chunk_id: bytes, where: Location, decoder: Decoder) -> bytes:
        return self.chunk(chunk_id, where, memoryview(self.fetch(where.pack, where.offset, where.size)), decoder)


@dataclass(slots=True)
class BaseReader:
    """One committed base, open for reading; see `drivers.contract.BaseView`."""

    repository: Repository
    record: BaseRecord
    limits: Limits
    index: Index
    packs: PackReader
    _filed: dict[str, Filed] | None = None

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def facts(self) -> BaseFacts:
        return self.record.facts

    def filed(self) -> Iterator[Filed]:
        """The manifest, streamed."""
        decoder = Decoder()
        pieces = (self.packs.one(one.chunk_id, one.location, decoder) for one in self.record.manifest)
        return (filed_of(line, self.record.name) for line in lines(pieces))

    def by_path(self) -> dict[str, Filed]:
        """All of it in memory."""
        if self._filed is None:
            self._filed = {one.entry.path: one for one in self.filed()}
        return self._filed

    def entries(self) -> Iterator[Entry]:
        return (one.entry for one in self.filed())

    def _where(self, chunk_id: bytes) -> Location:
        where = self.index.find(chunk_id)
        if where is None and self.index.damage:
            raise self.index.damage[0]
        if where is None:
            raise DamagedData(
                f"the index does not know a chunk of {self.record.name}",
                object_name=self.record.name,
                hint="an index object is missing: planaria check",
            )
        return where

    def read(self, path: str) -> Iterator[bytes]:
        """In order, `workers` spans ahead."""
        pieces = [(self._where(chunk), chunk) for chunk, _, _ in Finder(self).find(path).pieces()]
        spans = _spans(pieces, most=READ_AHEAD)
        with ThreadPoolExecutor(self.limits.workers, thread_name_prefix="read") as pool:
            ahead: deque[Future[list[bytes]]] = deque()
            try:
                for span in spans:
                    ahead.append(pool.submit(lambda span: list(self._opened(span)), span))
                    if len(ahead) > self.limits.workers:
                        yield from ahead.popleft().result()
                while ahead:
                    yield from ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()

    def _opened(self, span: "Span") -> Iterator[bytes]:
        """The plain bytes of a span's chunks, one at a time; fetched in one go."""
        first, last = span[0][0], span[-1][0]
        data = memoryview(self.packs.fetch(first.pack, first.offset, last.offset + last.size - first.offset))
        decoder = Decoder()
        for where, chunk in span:
            yield self.packs.chunk(chunk, where, data[where.offset - first.offset :], decoder)

    def scatter(self, entries: Iterable[Entry], write: Callable[[Entry, int, memoryview], None]) -> None:
        """By pack, in parallel: every span of a pack is fetched once for all the files of a batch that it feeds."""
        for batch in self._batches(entries):
            self._scatter(batch, write)

    def _batches(self, entries: Iterable[Entry]) -> Iterator[dict[bytes, list[tuple[Entry, int]]]]:
        """Chunk -> where it belongs, of so many chunks as memory should know at once."""
        wanted: dict[bytes, list[tuple[Entry, int]]] = {}
        finder = Finder(self)
        for entry in entries:
            for chunk, offset, _ in finder.find(entry.path).pieces():
                wanted.setdefault(chunk, []).append((entry, offset))
                if len(wanted) >= BATCH:
                    yield wanted
                    wanted = {}
        if wanted:
            yield wanted

    def _scatter(
        self, wanted: dict[bytes, list[tuple[Entry, int]]], write: Callable[[Entry, int, memoryview], None]
    ) -> None:
        located = [(self._where(chunk), chunk) for chunk in wanted]
        order = {where.pack: number for number, (where, _) in reversed(list(enumerate(located)))}
        located.sort(
            key=lambda one: (order[one[0].pack], one[0].offset)
        )  # packs as files need them, so that those fill

        def work(span: Span) -> None:
            for (_, chunk), plain in zip(span, self._opened(span), strict=True):
                view = memoryview(plain)
                for entry, offset in wanted[chunk]:
                    write(entry, offset, view)
                self.limits.count(len(plain))

        _all(work, _spans(located, most=len(located)), self.limits.workers)


class Finder:
    """Files by path. Asked in the order of the manifest it streams; only what is out of order costs memory for all."""

    def __init__(self, base: BaseReader) -> None:
        self._base, self._ahead = base, base.filed()
        self._all: dict[str, Filed] | None = None

    def find(self, path: str) -> Filed:
        """Raises UnknownName, DamagedData."""
        if self._all is None:
            for filed in self._ahead:
                if filed.entry.path == path:
                    return filed
            self._all = self._base.by_path()
        if path not in self._all:
            raise UnknownName(f"base {self._base.id} holds no file {path}")
        return self._all[path]


def _spans(located: Iterable[tuple[Location, bytes]], *, most: int) -> Iterator[Span]:
    """Chunks that lie close together in one pack, to be fetched in one go."""
    span: Span = []
    for where, chunk in located:
        if span:
            first, last = span[0][0], span[-1][0]
            behind = last.offset + last.size
            apart = where.pack != first.pack or not behind <= where.offset <= behind + COALESCE
            if apart or where.offset + where.size - first.offset > SPAN or len(span) == most:
                yield span
                span = []
        span.append((where, chunk))
    if span:
        yield span


def _all(work: Callable[[Span], None], spans: Iterator[Span], workers: int) -> None:
    """Every span, a few at a time; the first error ends it."""
    with ThreadPoolExecutor(workers, thread_name_prefix="restore") as pool:
        flying: deque[Future[None]] = deque()
        try:
            for span in spans:
                flying.append(pool.submit(work, span))
                if len(flying) > 2 * workers:
                    flying.popleft().result()
            while flying:
                flying.popleft().result()
        finally:
            for future in flying:
                future.cancel()


def open_base(repository: Repository, record: BaseRecord, limits: Limits) -> BaseReader:
    """Raises errors of the store."""
    index = load(repository, record.component, limits.cache)
    return BaseReader(repository, record, limits, index, PackReader(repository, record.component))
