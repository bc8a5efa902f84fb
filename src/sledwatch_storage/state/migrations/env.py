"""Alembic's entry: runs the migrations on the connection, and in the transaction, that `engine.migrate` hands in."""

from alembic import context

from sledwatch_storage.state import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    # SQLite rolls back DDL too, once the transaction is begun by hand, as `engine.begin` does.
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
