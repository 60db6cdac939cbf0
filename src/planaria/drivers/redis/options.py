"""What the configuration says of a Redis or Valkey component."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from planaria.core.errors import ConfigurationError
from planaria.drivers.redis.endpoint import Access, Tls
from planaria.drivers.redis.source import Source, at_url
from planaria.settings.component import ComponentSettings
from planaria.settings.paths import ConfiguredPath
from planaria.settings.quantities import Duration
from planaria.settings.secrets import SecretRef, TextOrSecret, text_of


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TlsOptions(_Strict):
    """For `rediss://`."""

    ca: ConfiguredPath | None = Field(None, description="the authority to trust; the system's where none is named")
    cert: ConfiguredPath | None = Field(None, description="our certificate, where the server asks for one")
    key: ConfiguredPath | None = Field(None, description="its key")
    verify: bool = Field(True, description="false accepts any certificate")


class SentinelOptions(_Strict):
    """How the Sentinels let us in, where they ask."""

    username: str | None = None
    password: SecretRef | None = None


class RedisOptions(ComponentSettings):
    """A Redis or Valkey: one server, one that Sentinels watch, or a cluster."""

    driver: Literal["redis"] = Field(description="Redis and Valkey")
    url: TextOrSecret = Field(
        description="redis://host:6379, rediss:// (TLS), unix:///path, or redis+sentinel://host,host2/service"
    )
    username: str | None = Field(None, description="the ACL user; `default` where none is named")
    password: SecretRef | None = None
    tls: TlsOptions | None = None
    sentinel: SentinelOptions | None = None
    cluster: bool | Literal["auto"] = Field("auto", description="one stream for each shard; auto asks the server")
    prefer_replica: bool = Field(False, description="read from a replica where there is one in sync")
    ack: Literal["none", "durable"] = Field(
        "none", description="durable: acknowledge what is in the repository, so that WAIT means backed up"
    )
    silence: Duration = Field(60.0, gt=0, description="how long a link may be mute before it counts as dead")

    def resolved(self, environ: Mapping[str, str]) -> Source:
        """With secrets read. Raises ConfigurationError."""
        source = at_url(text_of(self.url, environ), self._access(environ), self._sentinels(environ))
        if self.tls is not None and not source.address.tls:
            raise ConfigurationError("tls is set, but the url asks for none", hint="write rediss:// for TLS")
        if source.access.username is not None and source.access.password is None:
            raise ConfigurationError("a username without a password", hint="set password: {env: NAME}")
        if self.cluster is True and source.address.service is not None:
            raise ConfigurationError("a Sentinel url and cluster: true exclude each other", hint="remove one of them")
        return Source(
            source.address,
            source.access,
            source.sentinels,
            None if self.cluster == "auto" else self.cluster,
            self.prefer_replica,
            self.ack == "durable",
            self.silence,
        )

    def _access(self, environ: Mapping[str, str]) -> Access:
        password = self.password.resolve(environ) if self.password is not None else None
        tls = Tls(self.tls.ca, self.tls.cert, self.tls.key, self.tls.verify) if self.tls is not None else None
        return Access(self.username, password, tls)

    def _sentinels(self, environ: Mapping[str, str]) -> Access:
        if self.sentinel is None or self.sentinel.password is None:
            return Access()
        return Access(self.sentinel.username, self.sentinel.password.resolve(environ))
