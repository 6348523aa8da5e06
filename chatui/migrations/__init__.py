"""Steps from an older schema to today's, oldest first; a step that was released is never edited.

Knows connections only: which tables there are is written in `chatui.database` and, step by step, in
`versions`. A test holds the two equal.
"""

from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from chatui.errors import DatabaseIsNewer

if TYPE_CHECKING:
    from alembic.config import Config

REVISION = "0001"  # the newest step; a test holds it equal to the files


def revision_of(connection: Connection) -> str | None:
    """The step that a database has reached; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def upgrade(connection: Connection) -> None:
    """Take every step that a database has not taken yet, in the caller's transaction.

    Raises DatabaseIsNewer if it has taken one that is not known here.
    """
    # Here, and not above: reading alembic takes longer than opening a database that is up to date.
    from alembic import command
    from alembic.script import ScriptDirectory

    config = configuration()
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    current = revision_of(connection)
    if current is not None and current not in known:
        raise DatabaseIsNewer(current)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def configuration() -> "Config":
    """Alembic's configuration, without a file: the steps lie in this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "chatui:migrations")
    config.set_main_option("path_separator", "os")
    return config
