"""What Alembic runs for every command: the caller's connection, one transaction for all steps."""

from alembic import context

from s3_catalog.catalogs._sql_schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # SQLite can undo DDL too, given a transaction of its own (`_sql_database` begins one): an upgrade happens as a whole or not at all.
    transactional_ddl=True,
    # SQLite cannot alter a column in place: Alembic copies the table.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
