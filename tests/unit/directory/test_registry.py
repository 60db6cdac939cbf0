"""The kinds of component there are."""

import pytest

from planaria.core.errors import UsageError
from planaria.drivers import registry


def test_each_kind_has_settings_of_its_own_name_and_capabilities() -> None:
    models = registry.options_models()
    assert set(models) == set(registry.kinds()) >= {"directory"}
    assert registry.capabilities("directory").kind == "directory"


def test_a_kind_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="no driver 'mongo'") as refused:
        registry.capabilities("mongo")
    assert "directory, redis" in str(refused.value.hint)
