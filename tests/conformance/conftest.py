"""A real S3 for the tests here that ask for one."""

from tests.support.radosgw import radosgw

__all__ = ["radosgw"]
