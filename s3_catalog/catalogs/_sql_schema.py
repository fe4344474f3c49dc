"""The SQL tables of the embedded catalog, the same on SQLite and PostgreSQL.

Changing a table here needs a new step in `migrations/versions/` and its name in `HEAD_REVISION`; a test compares the two on both databases.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import sqlalchemy as sa

HEAD_REVISION = "0004"
VERSION_TABLE = "s3_catalog_version"
"""Not `alembic_version`: the database may be shared with Dagster, which keeps its own there."""

_ESCAPE = "\x1a"
_UNSTORABLE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile(_ESCAPE + "([0-9a-f]{4})")


def escape_text(text: str) -> str:
    """Write text so that every database can hold it: NUL and lone surrogates, which a key or a column name may contain, become an escape.

    >>> escape_text(f"a{chr(0)}b") == f"a{chr(26)}0000b"
    True
    """
    return _UNSTORABLE.sub(lambda match: f"{_ESCAPE}{ord(match[0]):04x}", text)


def unescape_text(text: str) -> str:
    """Undo `escape_text`."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if _ESCAPE in text else text


class ExactText(sa.types.TypeDecorator[str]):
    """Text that comes back exactly as it went in, whatever a key holds."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else escape_text(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else unescape_text(value)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware datetime, stored in UTC; SQLite has no zones, so it holds the UTC time without one."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column of type INTEGER, which holds 64 bits there."""

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def _asset_id(*, primary_key: bool = False, index: bool | None = None) -> sa.Column[int]:
    owner = sa.ForeignKey("assets.id", ondelete="CASCADE")
    return sa.Column("asset_id", BigId, owner, nullable=False, primary_key=primary_key, index=index)


catalog_state = sa.Table(
    "catalog_state",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("catalog_id", sa.String(36), nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    comment="One row: who this catalog is, and a number that grows with every change of its tables.",
)

assets = sa.Table(
    "assets",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("identity", ExactText, nullable=False, unique=True),
    sa.Column("name", ExactText, nullable=False, unique=True),
    sa.Column("store_url", ExactText, nullable=False, index=True),
    sa.Column("location", ExactText, nullable=False),
    sa.Column("format", ExactText, nullable=False),
    sa.Column("object_count", sa.BigInteger, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("row_count", sa.BigInteger, comment="exact, or null"),
    sa.Column("newest", UtcDateTime),
    sa.Column("content_digest", ExactText, nullable=False),
    sa.Column("evidence_rule", ExactText, nullable=False),
    sa.Column("evidence_reason", ExactText, nullable=False),
    sa.Column("evidence_runner_up", ExactText, nullable=False),
    sa.Column("layout_warnings", sa.JSON, nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("warnings", sa.JSON, nullable=False),
    sa.Column("conflicts", sa.JSON, nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Column("sampled_keys", sa.JSON, nullable=False),
    sa.Column("arrow_schema", sa.LargeBinary, nullable=False, comment="Arrow IPC schema: the exact types of asset_fields, in order"),
    sa.Column("digest", sa.String(64), nullable=False, comment="of everything published; equal digests need no write"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("retired_at", UtcDateTime, comment="when a complete listing no longer showed it; null while published"),
    sa.Column("row_estimate", sa.JSON(none_as_null=True), comment="rows, low, high; null where the count is exact or unknown"),
)

asset_fields = sa.Table(
    "asset_fields",
    metadata,
    _asset_id(primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", ExactText, nullable=False),
    sa.Column("type", ExactText, nullable=False, comment="canonical type text"),
    sa.Column("nullable", sa.Boolean, nullable=False),
    sa.Column("source_type", ExactText),
    sa.Column("is_partition", sa.Boolean, nullable=False, comment="its value stands in the path, not in the files"),
    sa.Column("declared", sa.Boolean, comment="of a partition column: the path names it"),
    sa.Column("statistics", sa.JSON(none_as_null=True), comment="null_count, min, max, size_bytes, exact, complete"),
    sa.Column("blame", sa.JSON(none_as_null=True), comment="first and last file, type changes"),
)

asset_partitions = sa.Table(
    "asset_partitions",
    metadata,
    _asset_id(primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("values", sa.JSON, nullable=False, comment="one text or null per partition column, in their order"),
    sa.Column("object_count", sa.BigInteger, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("newest", UtcDateTime),
    sa.Column("row_count", sa.BigInteger, comment="exact, or null"),
)

asset_descriptions = sa.Table(
    "asset_descriptions",
    metadata,
    _asset_id(primary_key=True),
    sa.Column("body", sa.JSON, nullable=False, comment="masked sample rows, profiles, owners, texts: all of the description but its tags"),
)

asset_tags = sa.Table(
    "asset_tags",
    metadata,
    _asset_id(primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", ExactText, nullable=False, comment="classification and tag, as in PII.Email"),
    sa.Column("column", ExactText, comment="with the way to a nested value; null for a tag of the table"),
    sa.Column(
        "rule", ExactText, nullable=False, comment="who says so: a detector, path, default, sidecar, object tag, bucket tag, size, format"
    ),
    sa.Column("why", ExactText, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False, comment="0 to 1"),
)

connector_runs = sa.Table(
    "connector_runs",
    metadata,
    sa.Column("id", sa.String(255), primary_key=True),
    sa.Column("location", ExactText, nullable=False),
    sa.Column("store_url", ExactText, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False, index=True),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("receipt", sa.JSON, nullable=False),
    sa.Column("failed_prefixes", sa.JSON, nullable=False, comment="[prefix, error] of every listing that is not complete"),
)

asset_snapshots = sa.Table(
    "asset_snapshots",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    _asset_id(index=True),
    sa.Column("run_id", sa.String(255), sa.ForeignKey("connector_runs.id", ondelete="SET NULL"), index=True),
    sa.Column("taken_at", UtcDateTime, nullable=False),
    sa.Column("change", sa.String(16), nullable=False, comment="added, schema, content, metadata; retired, restored"),
    sa.Column("content", ExactText, nullable=False),
    sa.Column("schema", sa.String(64), nullable=False),
    sa.Column("metadata", sa.String(64), nullable=False),
)

ledgers = sa.Table(
    "ledgers",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("run_id", sa.String(255), sa.ForeignKey("connector_runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("store_url", ExactText, nullable=False),
    sa.Column("location", ExactText, nullable=False, comment="what was crawled; locations of one store can overlap"),
    sa.Column("prefix", ExactText, nullable=False),
    sa.Column("listed", sa.BigInteger, nullable=False),
    sa.Column("in_tables", sa.BigInteger, nullable=False),
    sa.Column("skipped", sa.JSON, nullable=False, comment="number of objects by reason"),
    sa.Column("failed", sa.BigInteger, nullable=False),
    sa.Column("manifest_digest", sa.String(64), nullable=False),
    sa.UniqueConstraint("location", "prefix", "run_id"),
    sa.Index(None, "run_id"),
)

ledger_chunks = sa.Table(
    "ledger_chunks",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("parquet", sa.LargeBinary, nullable=False),
    comment="Rows of ledgers as zstd Parquet files, stored once however many ledgers share them.",
)

ledger_parts = sa.Table(
    "ledger_parts",
    metadata,
    sa.Column("ledger_id", BigId, sa.ForeignKey("ledgers.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("first_key", sa.LargeBinary, nullable=False, comment="UTF-8: bytes sort alike in every database"),
    sa.Column("last_key", sa.LargeBinary, nullable=False),
    sa.Column("row_count", sa.Integer, nullable=False),
    sa.Column("chunk", sa.String(64), sa.ForeignKey("ledger_chunks.digest"), nullable=False, index=True),
)

last_written = sa.Table(
    "last_written",
    metadata,
    sa.Column("catalog", ExactText, primary_key=True, comment="URL of another catalog, without secrets"),
    sa.Column("identity", ExactText, primary_key=True),
    sa.Column("name", ExactText, nullable=False),
    sa.Column("store_url", ExactText, nullable=False),
    sa.Column("location", ExactText, nullable=False),
    sa.Column("key", ExactText, nullable=False, comment="what that catalog calls the table"),
    sa.Column("retired", sa.Boolean, nullable=False, comment="by us, not by a person"),
    sa.Column("fields", sa.Text, nullable=False, comment="JSON object: field -> value that we last wrote"),
    comment="What we last wrote to other catalogs: a field that differs from it was changed by a person.",
)
