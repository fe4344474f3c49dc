"""The double of OpenMetadata, for these tests too."""

from s3_catalog_tests.openmetadata.conftest import double, token

__all__ = ["double", "token"]
