"""Every error a user can meet. Each class owns its code and exit status; each error carries its hint.

PlanariaError
├── Failed (1)                it ran, and something failed, is missing or could not be proven
├── UsageError (2)            flags or arguments
│   ├── ConfigurationError    the configuration file: says file:line: path
│   └── UnknownName           a component, base or run that does not exist: hints at the nearest
├── PointUnreachable (3)      outside every window, or in a gap; nothing was touched
├── Unavailable (4)           cannot be reached, or refused us
│   ├── StoreUnavailable      may pass: worth a retry
│   ├── StoreRefused          credentials, permissions, read-only
│   ├── StoreFull             no space left
│   ├── ObjectMissing         the store has no object of that name
│   ├── ObjectExists          write once: the name is taken
│   ├── RepositoryRefused     not a repository, newer format, no key of ours opens it
│   ├── ComponentUnavailable  may pass: worth a retry
│   └── ComponentRefused      wrong password, missing right, not that kind of server
├── DamagedData (5)           stored data is damaged or not authentic; names the object
├── SafetyRefusal (6)         target not empty, another run on it, confirmation missing
└── Interrupted (130)         stopped on request; resumable
"""

from typing import ClassVar


class PlanariaError(Exception):
    """One sentence for the user; `hint` says what to do next."""

    code: ClassVar[str] = "failed"
    status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Failed(PlanariaError):
    code = "failed"


class UsageError(PlanariaError):
    code = "usage"
    status = 2


class ConfigurationError(UsageError):
    code = "configuration"


class UnknownName(UsageError):
    code = "unknown-name"


class PointUnreachable(PlanariaError):
    code = "point-unreachable"
    status = 3


class Unavailable(PlanariaError):
    code = "unavailable"
    status = 4


class StoreUnavailable(Unavailable):
    code = "store-unavailable"


class StoreRefused(Unavailable):
    code = "store-refused"


class StoreFull(Unavailable):
    code = "store-full"


class ObjectMissing(Unavailable):
    code = "object-missing"


class ObjectExists(Unavailable):
    code = "object-exists"


class RepositoryRefused(Unavailable):
    code = "repository-refused"


class ComponentUnavailable(Unavailable):
    code = "component-unavailable"


class ComponentRefused(Unavailable):
    code = "component-refused"


class DamagedData(PlanariaError):
    """`object_name` is the repository object (or file) that is damaged or not authentic."""

    code = "damaged-data"
    status = 5

    def __init__(self, message: str, *, object_name: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.object_name = object_name


class SafetyRefusal(PlanariaError):
    code = "refused-for-safety"
    status = 6


class Interrupted(PlanariaError):
    code = "interrupted"
    status = 130
