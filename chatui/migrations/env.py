"""How alembic reaches the database: over the connection that `chatui.migrations` hands it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
