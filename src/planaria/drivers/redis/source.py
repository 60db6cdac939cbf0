"""The configured service, resolved: what every part of the driver is given instead of the options themselves."""

from dataclasses import dataclass, replace

from planaria.drivers.redis.endpoint import Access, Address, Tls, parse_url


@dataclass(frozen=True, slots=True)
class Source:
    """Where the service is, how to get in, how to follow it. `silence`: seconds until a mute link counts as dead."""

    address: Address
    access: Access
    sentinels: Access
    """How the Sentinels let us in: most ask for no password."""
    cluster: bool | None = False
    """None: not known yet; `discover.settled` asks."""
    prefer_replica: bool = False
    acknowledge_durable: bool = False
    silence: float = 60.0


def at_url(url: str, access: Access, sentinels: Access | None = None) -> Source:
    """The service at `url`, with the URL's own user and password before those of `access`.

    TLS settings of `access` are used where the URL asks for TLS. Raises ConfigurationError.
    """
    address = parse_url(url)
    username, password = access.username, access.password
    if address.username is not None or address.password is not None:
        username, password = address.username, address.password
    tls = (access.tls or Tls()) if address.tls else None
    own = replace(access, username=username, password=password, tls=tls)
    return Source(address, own, replace(sentinels or Access(), tls=tls))
