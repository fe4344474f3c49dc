"""Descriptions of tables: tags, masked samples, profiles."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "asset_descriptions",
        sa.Column("asset_id", _BIG_ID, nullable=False),
        sa.Column(
            "body", sa.JSON, nullable=False, comment="masked sample rows, profiles, owners, texts: all of the description but its tags"
        ),
        sa.PrimaryKeyConstraint("asset_id", name="pk_asset_descriptions"),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name="fk_asset_descriptions_asset_id", ondelete="CASCADE"),
    )
    op.create_table(
        "asset_tags",
        sa.Column("asset_id", _BIG_ID, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False, comment="classification and tag, as in PII.Email"),
        sa.Column("column", sa.Text, comment="with the way to a nested value; null for a tag of the table"),
        sa.Column(
            "rule", sa.Text, nullable=False, comment="who says so: a detector, path, default, sidecar, object tag, bucket tag, size, format"
        ),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False, comment="0 to 1"),
        sa.PrimaryKeyConstraint("asset_id", "position", name="pk_asset_tags"),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.id"], name="fk_asset_tags_asset_id", ondelete="CASCADE"),
    )
