"""Any object store that obstore speaks to, behind the contract. What comes back is checked before it counts."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import obstore

from planaria.core.errors import ObjectExists, StoreRefused, StoreUnavailable
from planaria.core.instant import from_datetime
from planaria.storage.answers import FAILURES, status_of, translated, translation
from planaria.storage.contract import Bytes, ObjectInfo
from planaria.storage.names import is_name, validate

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ObjectStore as Remote

PAGE = 100
"""Names handed on at a time; the store's own pages are larger."""
_NOT_IMPLEMENTED, _PAST_THE_END = 501, 416


class ObjectStore:
    """`remote` must not retry by itself: `retrying.Retrying` does, where it is seen and bounded.

    `confirm` is given the name of every object that the store says it has, and raises if that is not kept as asked.
    """

    def __init__(self, remote: "Remote", url: str, confirm: Callable[[str], None] | None = None) -> None:
        self._remote = remote
        self._url = url
        self._confirm = confirm
        self._conditional = True

    @property
    def url(self) -> str:
        return self._url

    def put(self, name: str, data: Bytes) -> None:
        """One PUT. Refuses a taken name as far as the store knows how (If-None-Match), else it overwrites."""
        view = memoryview(data).cast("B")
        try:
            self._send(validate(name), view)
        except ObjectExists:
            if self._confirm:
                self._confirm(name)  # else a retry would take for granted what the first try could not confirm
            raise
        if self._confirm:
            self._confirm(name)

    def _send(self, name: str, view: memoryview) -> None:
        if self._conditional:
            try:
                obstore.put(self._remote, name, view, mode="create", use_multipart=False)
            except FAILURES as error:
                if status_of(error) != _NOT_IMPLEMENTED:
                    raise translation(error, self._url, name) from None
                self._conditional = False
            else:
                return
        with translated(self._url, name):
            obstore.put(self._remote, name, view, mode="overwrite", use_multipart=False)

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        if length == 0:
            self.head(name)
            return b""
        try:
            result = obstore.get(self._remote, validate(name), options=_range(start, length))
            data = bytes(result.bytes())
        except FAILURES as error:
            if self._is_past_the_end(error, name, start):
                return b""
            raise translation(error, self._url, name) from None
        size = result.meta["size"]
        asked = (start, size if length is None else min(start + length, size))
        if result.range != asked or len(data) != asked[1] - asked[0]:
            raise StoreUnavailable(
                f"{self._url} answered {len(data)} bytes of {name} where {asked[1] - asked[0]} were due"
            )
        return data

    def _is_past_the_end(self, error: BaseException, name: str, start: int) -> bool:
        refused = status_of(error) == _PAST_THE_END or "Wanted range starting at" in str(error)
        return refused and start >= self.head(name).size

    def head(self, name: str) -> ObjectInfo:
        try:
            meta = obstore.head(self._remote, validate(name))
        except FileNotFoundError:
            with translated(self._url, name):  # a HEAD has no body to tell a missing object from a missing bucket
                meta = obstore.get(self._remote, name).meta
        except FAILURES as error:
            raise translation(error, self._url, name) from None
        return _info(name, meta["size"], meta["last_modified"])

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        """Asks for the prefix's folder, from `after` on, and stops where the prefix ends."""
        folder = prefix[: prefix.rfind("/") + 1]
        offset = max(after, _before(prefix))
        last = after
        with translated(self._url, None):
            pages = obstore.list(self._remote, folder or None, offset=offset or None, chunk_size=PAGE)
            for page in pages:
                for meta in page:
                    name, size = meta["path"], meta["size"]
                    marks_a_folder = size == 0 and (name <= last or folder.startswith(f"{name}/"))
                    if marks_a_folder or not is_name(name) or name <= after:
                        continue  # not ours: the `folder/` that consoles make, names of other programs
                    if name <= last:
                        raise StoreRefused(f"{self._url} does not list in the order of names: {name} after {last}")
                    if not name.startswith(folder):
                        raise StoreRefused(f"{self._url} lists {name} where only {folder} was asked for")
                    last = name
                    if name.startswith(prefix):
                        yield _info(name, size, meta["last_modified"])
                    elif name > prefix:
                        return

    def delete(self, name: str) -> None:
        try:
            obstore.delete(self._remote, validate(name))
        except FAILURES as error:
            told = translation(error, self._url, name)
            if not isinstance(error, FileNotFoundError) or isinstance(told, StoreRefused):
                raise told from None


def _range(start: int, length: int | None) -> "GetOptions | None":
    if length is not None:
        return {"range": (start, start + length)}
    return {"range": {"offset": start}} if start else None


def _before(prefix: str) -> str:
    """What sorts before all names that start with `prefix`, and after nearly all names that sort before those."""
    if not prefix or prefix.endswith("/"):
        return ""
    lower = "." if prefix[-1] == "0" else chr(ord(prefix[-1]) - 1)  # below 0 is /, and obstore takes no empty segments
    return f"{prefix[:-1]}{lower}z"


def _info(name: str, size: int, modified: datetime) -> ObjectInfo:
    return ObjectInfo(name, size, from_datetime(modified))
