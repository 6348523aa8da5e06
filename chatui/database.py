"""The tables of what people did, ratings and feedback, and opening the database that holds them.

SQLite in the workspace by default, PostgreSQL by its address: one schema, brought up to date by the
migrations beside this file whenever a database is opened. Knows no stage and no page; who may write
what is decided by the stores that use these tables.
"""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Engine,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.types import TypeDecorator

from chatui.errors import DatabaseIsNewer, DatabaseUnusable
from chatui.migrations import REVISION, revision_of, upgrade

BUSY_MILLISECONDS = 10_000  # how long a writer waits for another one
NETWORK_DISKS = ("nfs", "cifs", "smb", "9p", "fuse.sshfs", "fuse.s3fs", "fuse.gcsfuse", "lustre")
_MIGRATION_LOCK = 0x63686174  # any number, the same for everybody: "chat"


class Utc(TypeDecorator[datetime]):
    """A moment, aware of its time zone also where the database (SQLite) forgets it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text that people typed or models wrote, less what no database can store."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return storable(value) if value is not None else None


def storable(value: str) -> str:
    """The text without NUL, which PostgreSQL refuses, and lone surrogates, which have no UTF-8."""
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


Json = JSON().with_variant(JSONB(), "postgresql")
Hash = String(64)
Name = String(80)


class Table(DeclarativeBase):
    """All tables; constraints get names, so that a migration can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class StudyRow(Table):
    """A study: its frozen pack never changes; the moments say how far it is."""

    __tablename__ = "study"

    id: Mapped[str] = mapped_column(Name, primary_key=True)
    name: Mapped[str] = mapped_column(Words)
    run: Mapped[str] = mapped_column(Name)
    pack: Mapped[dict[str, Any]] = mapped_column(Json, deferred=True)  # long, and cached by hash
    pack_hash: Mapped[str] = mapped_column(Hash)
    consent_version: Mapped[str] = mapped_column(Name)
    consent_text: Mapped[str] = mapped_column(Words)
    app_version: Mapped[str] = mapped_column(Name)
    created_at: Mapped[datetime] = mapped_column(Utc)
    started_at: Mapped[datetime | None] = mapped_column(Utc)
    closed_at: Mapped[datetime | None] = mapped_column(Utc)


class RaterRow(Table):
    """An invited person: a random pseudonym and the hash of a link, nothing that tells who."""

    __tablename__ = "rater"
    __table_args__ = (UniqueConstraint("study", "number"),)

    id: Mapped[str] = mapped_column(Name, primary_key=True)
    study: Mapped[str] = mapped_column(ForeignKey("study.id"), index=True)
    number: Mapped[int]  # counted from 1 in the order of invitation; decides the sides
    is_owner: Mapped[bool]  # whoever runs the study rates too
    token_hash: Mapped[str] = mapped_column(Hash, unique=True)
    created_at: Mapped[datetime] = mapped_column(Utc)
    consent_version: Mapped[str | None] = mapped_column(Name)
    consented_at: Mapped[datetime | None] = mapped_column(Utc)
    revoked_at: Mapped[datetime | None] = mapped_column(Utc)
    erased_at: Mapped[datetime | None] = mapped_column(Utc)


class ClaimRow(Table):
    """An item shown to a rater: since when, and until when that showing counts."""

    __tablename__ = "claim"
    __table_args__ = (UniqueConstraint("study", "rater", "item"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study: Mapped[str] = mapped_column(ForeignKey("study.id"))
    rater: Mapped[str] = mapped_column(ForeignKey("rater.id"), index=True)
    item: Mapped[str] = mapped_column(Name)
    shown_at: Mapped[datetime] = mapped_column(Utc)
    lease_until: Mapped[datetime] = mapped_column(Utc)


class RatingRow(Table):
    """One answer, as given; a changed mind is a new row with the next revision.

    `reply` is what was judged: the "pair", or reply "a" or "b". `value` is empty where an answer
    was taken back. `shown_as_a` is the system behind Reply A.
    """

    __tablename__ = "rating"
    __table_args__ = (
        UniqueConstraint("study", "rater", "item", "criterion", "reply", "revision"),
        CheckConstraint("reply IN ('pair', 'a', 'b')", name="reply"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    study: Mapped[str] = mapped_column(ForeignKey("study.id"))
    rater: Mapped[str] = mapped_column(ForeignKey("rater.id"), index=True)
    item: Mapped[str] = mapped_column(Name)
    criterion: Mapped[str] = mapped_column(Name)
    reply: Mapped[str] = mapped_column(String(4))
    revision: Mapped[int]
    value: Mapped[str | None] = mapped_column(Name)
    reason: Mapped[str | None] = mapped_column(Words)
    shown_as_a: Mapped[str] = mapped_column(Name)
    shown_at: Mapped[datetime] = mapped_column(Utc)
    submitted_at: Mapped[datetime] = mapped_column(Utc)
    milliseconds: Mapped[int]
    pack_hash: Mapped[str] = mapped_column(Hash)
    app_version: Mapped[str] = mapped_column(Name)
    idempotency_key: Mapped[str] = mapped_column(String(200), unique=True)


class FeedbackRow(Table):
    """A thumb on a reply in the chat, with all that is needed to make the reply again."""

    __tablename__ = "feedback"
    __table_args__ = (
        CheckConstraint("thumb IN ('up', 'down')", name="thumb"),
        Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(Utc)
    visitor: Mapped[str] = mapped_column(Name)  # a random pseudonym
    thumb: Mapped[str] = mapped_column(String(4))
    reason: Mapped[str | None] = mapped_column(Words)
    comment: Mapped[str | None] = mapped_column(Words)
    correction: Mapped[str | None] = mapped_column(Words)  # "I would have answered"
    turns: Mapped[list[dict[str, str]]] = mapped_column(Json)  # role and content, before the reply
    reply: Mapped[str] = mapped_column(Words)
    model_name: Mapped[str] = mapped_column(Words)
    base_hash: Mapped[str] = mapped_column(Hash)
    adapter_hash: Mapped[str | None] = mapped_column(Hash)
    model_hash: Mapped[str] = mapped_column(Hash)
    template_hash: Mapped[str] = mapped_column(Hash)
    run: Mapped[str | None] = mapped_column(Name)
    decoding: Mapped[dict[str, Any]] = mapped_column(Json)
    seed: Mapped[int] = mapped_column(BigInteger)
    app_version: Mapped[str] = mapped_column(Name)
    idempotency_key: Mapped[str] = mapped_column(String(200), unique=True)


@dataclass(frozen=True, slots=True)
class Database:
    """An open database; safe to share between threads."""

    engine: Engine
    _reader: sessionmaker[Session]
    _writer: sessionmaker[Session]

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one moment and keeps no change."""
        with self._reader() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are on disk when the block ends, or undone by its exception."""
        with self._writer.begin() as session:
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_database(where: str | Path) -> Database:
    """Open a database by its SQLAlchemy address or the path of a SQLite file, made if absent.

    Its tables are brought up to date first. Raises DatabaseIsNewer or DatabaseUnusable.
    """
    url = URL.create("sqlite", database=str(where)) if isinstance(where, Path) else make_url(where)
    engine = _engine(url)
    try:
        _migrate(engine)
    except (DatabaseError, DatabaseIsNewer) as error:
        engine.dispose()
        if isinstance(error, DatabaseIsNewer):
            raise
        raise DatabaseUnusable(url.database or "", str(error.orig)) from error
    writer = engine.execution_options(writes=True)
    return Database(
        engine,
        sessionmaker(engine, expire_on_commit=False),
        sessionmaker(writer, expire_on_commit=False),
    )


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    shared_disk = url.database is not None and _is_on_network(Path(url.database))
    # A write-ahead log needs memory shared by all who open the file: a network disk has none.
    pool = {"pool_size": 1, "max_overflow": 0} if shared_disk else {}
    engine = create_engine(url, **pool)
    weakref.finalize(engine, engine.pool.dispose)  # Python 3.13 warns of connections left open

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions: `begin` does
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        connection.execute(f"PRAGMA journal_mode = {'DELETE' if shared_disk else 'WAL'}")
        connection.execute("PRAGMA synchronous = FULL")  # committed means on the disk
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A reader that turns writer midway fails at once when another has written since, however
        # long the timeout: who will write says so at the beginning.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _migrate(engine: Engine) -> None:
    """Bring the tables up to date in one transaction; whoever comes second waits, finds it done."""
    with engine.connect() as connection:
        if revision_of(connection) == REVISION:
            return
    with engine.execution_options(writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
        upgrade(connection)


def _is_on_network(path: Path) -> bool:
    """Whether a file lies on a disk that several machines share."""
    whole = str(path.resolve())
    mounts = [m for m in psutil.disk_partitions(all=True) if whole.startswith(m.mountpoint)]
    nearest = max(mounts, key=lambda mount: len(mount.mountpoint), default=None)
    return nearest is not None and nearest.fstype.startswith(NETWORK_DISKS)
