"""The first catalog: assets with fields and partitions, their snapshots, runs, the ledger."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    state = op.create_table(
        "catalog_state",
        sa.Column("id", sa.Integer, autoincrement=False),
        sa.Column("catalog_id", sa.String(36), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalog_state"),
        comment="One row: who this catalog is, and a number that grows with every change of its tables.",
    )
    op.bulk_insert(state, [{"id": 1, "catalog_id": str(uuid.uuid4()), "revision": 0}])
    _create_assets()
    _create_runs()
    _create_ledgers()


def _create_assets() -> None:
    op.create_table(
        "assets",
        sa.Column("id", _BIG_ID),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("store_url", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("object_count", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("row_count", sa.BigInteger, comment="exact, or null"),
        sa.Column("newest", sa.DateTime(timezone=True)),
        sa.Column("content_digest", sa.Text, nullable=False),
        sa.Column("evidence_rule", sa.Text, nullable=False),
        sa.Column("evidence_reason", sa.Text, nullable=False),
        sa.Column("evidence_runner_up", sa.Text, nullable=False),
        sa.Column("layout_warnings", sa.JSON, nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("warnings", sa.JSON, nullable=False),
        sa.Column("conflicts", sa.JSON, nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Column("sampled_keys", sa.JSON, nullable=False),
        sa.Column("arrow_schema", sa.LargeBinary, nullable=False, comment="Arrow IPC schema: the exact types of asset_fields, in order"),
        sa.Column("digest", sa.String(64), nullable=False, comment="of everything published; equal digests need no write"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), comment="when a complete listing no longer showed it; null while published"),
        sa.PrimaryKeyConstraint("id", name="pk_assets"),
        sa.UniqueConstraint("identity", name="uq_assets_identity"),
        sa.UniqueConstraint("name", name="uq_assets_name"),
    )
    op.create_index("ix_assets_store_url", "assets", ["store_url"])
    op.create_table(
        "asset_fields",
        sa.Column("asset_id", _BIG_ID, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False, comment="canonical type text"),
        sa.Column("nullable", sa.Boolean, nullable=False),
        sa.Column("source_type", sa.Text),
        sa.Column("is_partition", sa.Boolean, nullable=False, comment="its value stands in the path, not in the files"),
        sa.Column("declared", sa.Boolean, comment="of a partition column: the path names it"),
        sa.PrimaryKeyConstraint("asset_id", "position", name="pk_asset_fields"),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name="fk_asset_fields_asset_id", ondelete="CASCADE"),
    )
    op.create_table(
        "asset_partitions",
        sa.Column("asset_id", _BIG_ID, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False),
        sa.Column("values", sa.JSON, nullable=False, comment="one text or null per partition column, in their order"),
        sa.Column("object_count", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("newest", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("asset_id", "position", name="pk_asset_partitions"),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name="fk_asset_partitions_asset_id", ondelete="CASCADE"),
    )


def _create_runs() -> None:
    op.create_table(
        "connector_runs",
        sa.Column("id", sa.String(255)),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("store_url", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("receipt", sa.JSON, nullable=False),
        sa.Column("failed_prefixes", sa.JSON, nullable=False, comment="[prefix, error] of every listing that is not complete"),
        sa.PrimaryKeyConstraint("id", name="pk_connector_runs"),
    )
    op.create_index("ix_connector_runs_started_at", "connector_runs", ["started_at"])
    op.create_table(
        "asset_snapshots",
        sa.Column("id", _BIG_ID),
        sa.Column("asset_id", _BIG_ID, nullable=False),
        sa.Column("run_id", sa.String(255)),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("change", sa.String(16), nullable=False, comment="added, schema, content, metadata; retired, restored"),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("schema", sa.String(64), nullable=False),
        sa.Column("metadata", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_asset_snapshots"),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name="fk_asset_snapshots_asset_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["connector_runs.id"], name="fk_asset_snapshots_run_id", ondelete="SET NULL"),
    )
    op.create_index("ix_asset_snapshots_asset_id", "asset_snapshots", ["asset_id"])
    op.create_index("ix_asset_snapshots_run_id", "asset_snapshots", ["run_id"])


def _create_ledgers() -> None:
    op.create_table(
        "ledgers",
        sa.Column("id", _BIG_ID),
        sa.Column("run_id", sa.String(255), nullable=False),
        sa.Column("store_url", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False, comment="what was crawled; locations of one store can overlap"),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("listed", sa.BigInteger, nullable=False),
        sa.Column("in_tables", sa.BigInteger, nullable=False),
        sa.Column("skipped", sa.JSON, nullable=False, comment="number of objects by reason"),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("manifest_digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledgers"),
        sa.UniqueConstraint("location", "prefix", "run_id", name="uq_ledgers_location_prefix_run_id"),
        sa.ForeignKeyConstraint(["run_id"], ["connector_runs.id"], name="fk_ledgers_run_id", ondelete="CASCADE"),
    )
    op.create_index("ix_ledgers_run_id", "ledgers", ["run_id"])
    op.create_table(
        "ledger_chunks",
        sa.Column("digest", sa.String(64)),
        sa.Column("parquet", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_ledger_chunks"),
        comment="Rows of ledgers as zstd Parquet files, stored once however many ledgers share them.",
    )
    op.create_table(
        "ledger_parts",
        sa.Column("ledger_id", _BIG_ID, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False),
        sa.Column("first_key", sa.LargeBinary, nullable=False, comment="UTF-8: bytes sort alike in every database"),
        sa.Column("last_key", sa.LargeBinary, nullable=False),
        sa.Column("row_count", sa.Integer, nullable=False),
        sa.Column("chunk", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("ledger_id", "position", name="pk_ledger_parts"),
        sa.ForeignKeyConstraint(["ledger_id"], ["ledgers.id"], name="fk_ledger_parts_ledger_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["chunk"], ["ledger_chunks.digest"], name="fk_ledger_parts_chunk"),
    )
    op.create_index("ix_ledger_parts_chunk", "ledger_parts", ["chunk"])
