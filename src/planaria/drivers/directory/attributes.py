"""What is kept of a file besides its content, as an entry's `meta`; and putting it back.

kind      file, directory, symlink, hardlink, fifo, char, block
mode      permission bits · uid, gid, user, group · mtime_ns · xattrs {name: base64}
file      ctime_ns, inode, device: to tell next time whether it changed; `allocated` bytes, where it has holes
symlink   target · hardlink  link: the path in this base that it is another name of · char, block  rdev
"""

import base64
import errno
import functools
import grp
import os
import pwd
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from planaria.core.base import Json
from planaria.drivers.directory.names import in_base, on_disk

_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
}
KINDS = frozenset((*_KINDS.values(), "hardlink"))
_NO_XATTRS = (errno.ENOTSUP, errno.EPERM, errno.EACCES)


def kind_of(status: os.stat_result) -> str | None:
    """None for a socket, which only its server can make."""
    return _KINDS.get(stat.S_IFMT(status.st_mode))


def meta_of(status: os.stat_result, where: str | int) -> dict[str, Json]:
    """`where`: its path on disk, or a descriptor. Raises OSError."""
    meta: dict[str, Json] = {
        "kind": kind_of(status),
        "mode": stat.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "user": _user(status.st_uid),
        "group": _group(status.st_gid),
        "mtime_ns": status.st_mtime_ns,
    }
    xattrs = _xattrs(where)
    if xattrs:
        meta["xattrs"] = xattrs
    if stat.S_ISREG(status.st_mode):
        meta |= identity(status)
        if is_sparse(status):
            meta["allocated"] = status.st_blocks * 512
    elif stat.S_ISLNK(status.st_mode):
        meta["target"] = in_base(str(Path(str(where)).readlink()))
    elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        meta["rdev"] = [os.major(status.st_rdev), os.minor(status.st_rdev)]
    return meta


def identity(status: os.stat_result) -> dict[str, int]:
    """With size and mtime: equal as long as nobody wrote to a file or put another in its place."""
    return {"ctime_ns": status.st_ctime_ns, "inode": status.st_ino, "device": status.st_dev}


def is_sparse(status: os.stat_result) -> bool:
    return status.st_blocks * 512 < status.st_size


@functools.lru_cache(4096)
def _user(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


@functools.lru_cache(4096)
def _group(gid: int) -> str | None:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return None


@functools.lru_cache(4096)
def _uid(user: str | None, uid: int) -> int:
    """The one who bears the name on this host, else the number."""
    try:
        return pwd.getpwnam(user).pw_uid if user else uid
    except KeyError:
        return uid


@functools.lru_cache(4096)
def _gid(group: str | None, gid: int) -> int:
    try:
        return grp.getgrnam(group).gr_gid if group else gid
    except KeyError:
        return gid


def _xattrs(where: str | int) -> dict[str, str]:
    """Those that we may read."""
    follow = isinstance(where, int)
    try:
        names = os.listxattr(where, follow_symlinks=follow)
        return {
            in_base(name): base64.b64encode(os.getxattr(where, name, follow_symlinks=follow)).decode() for name in names
        }
    except OSError as error:
        if error.errno in (*_NO_XATTRS, errno.ENODATA):
            return {}
        raise


def put_back(meta: Mapping[str, Json], where: str, lost: Callable[[str], None]) -> None:
    """Owner, mode, attributes and times of what `where` names now; what we have no right to set is told to `lost`.

    Raises OSError for anything else.
    """
    _own(meta, where, lost)
    is_link = meta["kind"] == "symlink"
    if not is_link:
        Path(where).chmod(meta["mode"])  # after the owner: changing that clears set-uid bits
    for name, value in meta.get("xattrs", {}).items():
        try:
            os.setxattr(where, on_disk(name), base64.b64decode(value), follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_XATTRS:
                raise
            lost("extended attributes")
    os.utime(where, ns=(meta["mtime_ns"], meta["mtime_ns"]), follow_symlinks=False)


def _own(meta: Mapping[str, Json], where: str, lost: Callable[[str], None]) -> None:
    uid, gid = _uid(meta.get("user"), meta["uid"]), _gid(meta.get("group"), meta["gid"])
    now = os.lstat(where)
    if (now.st_uid, now.st_gid) == (uid, gid):
        return
    try:
        os.chown(where, uid, gid, follow_symlinks=False)
    except PermissionError:
        lost("owners")
