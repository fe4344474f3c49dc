"""Where people see a catalog in their browser, as far as its URL tells. Nothing of what comes out is a secret."""

from __future__ import annotations

from urllib.parse import quote


def find_page(url: str) -> str | None:
    """Find the page of a catalog's service or database; None where there is none.

    >>> find_page("openmetadata://om.example.com/lake?tls=on")
    'https://om.example.com:8585/service/databaseServices/lake'
    >>> find_page("glue://lake?region=eu-west-1")
    'https://eu-west-1.console.aws.amazon.com/glue/home?region=eu-west-1#/v2/data-catalog/databases/view/lake'

    Raises:
        CatalogError: the URL is wrong.
    """
    scheme = url.partition("://")[0]
    if scheme == "openmetadata":
        return _find_openmetadata(url)
    return _find_glue(url) if scheme == "glue" else None


def _find_openmetadata(url: str) -> str:
    from s3_catalog.catalogs._om_names import join_fqn, quote_path
    from s3_catalog.catalogs._om_url import parse_url

    settings = parse_url(url)
    base = settings.address.api.removesuffix("/v1").removesuffix("/api")
    return f"{base}/service/databaseServices/{quote_path(join_fqn((settings.service,)))}"


def _find_glue(url: str) -> str | None:
    from s3_catalog.catalogs._glue_options import read_url

    database, options = read_url(url)
    region = options.connection.region
    if options.connection.endpoint_url is not None or region is None or region.startswith(_OTHER_CONSOLES):
        return None
    fragment = f"/v2/data-catalog/databases/view/{quote(database, safe='')}"
    return f"https://{region}.console.aws.amazon.com/glue/home?region={region}#{fragment}"


_OTHER_CONSOLES = ("cn-", "us-gov-", "us-iso", "eu-isoe-")
"""Regions whose console has another address."""
