"""Rules of single sections: the repository, retention, the local directories."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from planaria.core.errors import ConfigurationError
from planaria.settings.component import ComponentSettings, Retention
from planaria.settings.local import Directories, directories
from planaria.settings.model import Settings
from planaria.settings.repository import RepositorySettings

FILE = "file:///srv/repository"
S3 = "s3://bucket/prefix"


@pytest.mark.parametrize("url", [FILE, S3, "s3://bucket", "file:///"])
def test_a_repository_is_a_directory_or_a_bucket(url: str) -> None:
    assert RepositorySettings(url=url).url == url


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"url": "/srv/repository"}, "must begin with file:// or s3://"),
        ({"url": "gs://bucket"}, "must begin with file:// or s3://"),
        ({"url": "file://host/path"}, "needs an absolute path"),
        ({"url": "file:relative"}, "needs an absolute path"),
        ({"url": "s3:///prefix"}, "needs a bucket"),
        ({"url": "s3://key@bucket"}, "must not hold credentials"),
        ({"url": "s3://bucket#x"}, "must not hold credentials"),
        ({"url": S3, "copies": ["ftp://x"]}, "must begin with file:// or s3://"),
        ({"url": S3, "endpoint": "localhost:9000"}, "must begin with https:// or http://"),
        ({"url": S3, "endpoint": "https://"}, "needs a host"),
        ({"url": S3, "endpoint": "http://localhost"}, "no TLS: use https://, or set allow_http"),
        ({"url": S3, "checksum": "md5"}, "'sha256'"),
        ({"url": S3, "recipients": ["kms:aws:alias/x"]}, "KMS are not understood by this version"),
        ({"url": S3, "recipients": ["age1xyz"]}, "begin with key:x25519: or passphrase:argon2id:"),
        ({"url": FILE, "sse": {"kms_key": "x"}}, "sse: only for an s3:// url"),
        ({"url": FILE, "region": "x", "path_style": True}, "region, path_style: only for an s3:// url"),
    ],
)
def test_a_repository_that_cannot_be_meant_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RepositorySettings.model_validate(settings)
    assert says in str(caught.value)


def test_an_endpoint_without_tls_must_be_allowed() -> None:
    assert RepositorySettings(url=S3, endpoint="http://127.0.0.1:9000", allow_http=True).allow_http


@pytest.mark.parametrize("bases", [30, "30s", "59m", 0])
def test_a_retention_so_short_was_meant_otherwise(bases: int | str) -> None:
    with pytest.raises(ValidationError, match="must be at least 1 h; write days as 30d"):
        Retention.model_validate({"bases": bases})


def test_settings_cannot_be_changed_after_loading() -> None:
    component = ComponentSettings(driver="redis")
    with pytest.raises(ValidationError):
        component.driver = "other"


def settings(**local: str) -> Settings:
    return Settings.model_validate(
        {"environment": "prod", "repository": {"url": FILE}, "local": local, "components": {"x": {"driver": "y"}}}
    )


def test_root_keeps_its_files_in_the_system_s_directories() -> None:
    assert directories(settings(), {"HOME": "/root", "XDG_STATE_HOME": "/x"}, root=True) == Directories(
        Path("/var/lib/planaria/prod/state"), Path("/var/cache/planaria/prod"), Path("/var/lib/planaria/prod/spool")
    )


def test_others_keep_theirs_where_xdg_says() -> None:
    assert directories(settings(), {"HOME": "/home/a"}, root=False) == Directories(
        Path("/home/a/.local/state/planaria/prod/state"),
        Path("/home/a/.cache/planaria/prod"),
        Path("/home/a/.local/state/planaria/prod/spool"),
    )
    found = directories(
        settings(), {"HOME": "/home/a", "XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "not/absolute"}, root=False
    )
    assert found.state == Path("/s/planaria/prod/state")
    assert found.cache == Path("/home/a/.cache/planaria/prod")


def test_configured_directories_win_one_by_one() -> None:
    assert directories(settings(spool="/big"), {"HOME": "/h"}, root=False).spool == Path("/big")
    assert directories(settings(spool="/big"), {"HOME": "/h"}, root=False).cache == Path("/h/.cache/planaria/prod")
    everything = settings(state="/a", cache="/b", spool="/c")
    assert directories(everything, {}, root=False) == Directories(Path("/a"), Path("/b"), Path("/c"))


def test_without_a_home_the_setting_to_make_is_named() -> None:
    with pytest.raises(ConfigurationError, match="neither XDG_STATE_HOME nor HOME") as caught:
        directories(settings(), {}, root=False)
    assert "local:" in (caught.value.hint or "")
