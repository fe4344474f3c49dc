"""Figures and blame of columns, estimated row counts, and row counts of partitions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("assets", sa.Column("row_estimate", sa.JSON, comment="rows, low, high; null where the count is exact or unknown"))
    op.add_column("asset_fields", sa.Column("statistics", sa.JSON, comment="null_count, min, max, size_bytes, exact, complete"))
    op.add_column("asset_partitions", sa.Column("row_count", sa.BigInteger, comment="exact, or null"))
    op.add_column("asset_fields", sa.Column("blame", sa.JSON, comment="first and last file, type changes"))
