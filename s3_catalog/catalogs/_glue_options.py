"""How tables are published to AWS Glue, and how a URL says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from s3_catalog.catalogs._glue_client import GlueConnection
from s3_catalog.engines import GLUE_ENGINES, Engine
from s3_catalog.errors import CatalogError

_FLAGS = frozenset({"partition_projection", "partition_indexes", "column_statistics", "lake_formation_tags"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GlueOptions:
    """How tables are published.

    Attributes:
        partition_projection: engines compute the partitions from table parameters, and none are registered, wherever that finds them all.
        partition_indexes: make an index over the first three partition columns of each partitioned table.
        column_statistics: send what is known of columns to the engines' planners.
        lake_formation_tags: send our tags as LF-tags.
        engines: publish what at least one of these reads.
        delete_after: delete a table that has been retired for so long (zero: at once); None keeps it for good.
        state: URL of the embedded catalog that remembers what was last written.
        catalog_id: the account whose catalog it is, when it is not the caller's.
    """

    connection: GlueConnection = field(default_factory=GlueConnection)
    partition_projection: bool = False
    partition_indexes: bool = False
    column_statistics: bool = True
    lake_formation_tags: bool = False
    engines: frozenset[Engine] = frozenset({Engine.ATHENA, Engine.TRINO})
    delete_after: timedelta | None = None
    state: str | None = field(default=None, repr=False)
    catalog_id: str | None = None


def read_url(url: str) -> tuple[str, GlueOptions]:
    """The database and the options that a URL names.

    Parameters: `region`, `endpoint_url`, `profile`, `state` (a URL, percent-encoded), `delete_after_days`, `engines`
    (`athena,trino,spark`) and, as `true` or `false`, the switches of `GlueOptions`.

    Raises:
        CatalogError: no database, or an unknown parameter.
    """
    parts = urlsplit(url)
    account, _, database = parts.netloc.rpartition("@")
    given = dict(parse_qsl(parts.query))
    if not database:
        raise CatalogError("a Glue URL names a database: glue://database?region=eu-west-1")
    connection: dict[str, Any] = {name: given.pop(name) for name in ("region", "endpoint_url", "profile") if name in given}
    days = given.pop("delete_after_days", None)
    state = given.pop("state", None)
    engines = given.pop("engines", "athena,trino").split(",")
    unknown = sorted((given.keys() - _FLAGS) | (set(engines) - GLUE_ENGINES))
    if unknown or (days is not None and not days.isdigit()) or any(given[name] not in ("true", "false") for name in given):
        choices = ", ".join(sorted({"region", "endpoint_url", "profile", "delete_after_days", "engines", "state", *_FLAGS}))
        raise CatalogError(f"unknown or unreadable parameter of a Glue URL ({', '.join(unknown) or 'its value'}); there are {choices}")
    return database, GlueOptions(
        connection=GlueConnection(**connection),
        catalog_id=account or None,
        state=state,
        engines=frozenset(map(Engine, engines)),
        delete_after=None if days is None else timedelta(days=int(days)),
        **{name: text == "true" for name, text in given.items()},
    )
