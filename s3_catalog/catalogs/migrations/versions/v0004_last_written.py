"""What was last written to other catalogs, field by field."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "last_written",
        sa.Column("catalog", sa.Text, nullable=False, comment="URL of another catalog, without secrets"),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("store_url", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False, comment="what that catalog calls the table"),
        sa.Column("retired", sa.Boolean, nullable=False, comment="by us, not by a person"),
        sa.Column("fields", sa.Text, nullable=False, comment="JSON object: field -> value that we last wrote"),
        sa.PrimaryKeyConstraint("catalog", "identity", name="pk_last_written"),
        comment="What we last wrote to other catalogs: a field that differs from it was changed by a person.",
    )
