"""The database: its tables, its migrations, and what it promises about writing."""

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable

from chatui.database import (
    Database,
    FeedbackRow,
    RaterRow,
    StudyRow,
    Table,
    open_database,
)
from chatui.errors import DatabaseIsNewer, DatabaseUnusable
from chatui.migrations import REVISION, configuration

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def study(study_id: str = "t1") -> StudyRow:
    return StudyRow(
        id=study_id,
        name="support",
        run="r1",
        pack={"items": []},
        pack_hash="0" * 64,
        consent_version="1",
        consent_text="May we keep your answers?",
        app_version="0.1.0",
        created_at=NOON,
    )


def feedback(key: str, **changed: object) -> FeedbackRow:
    fields: dict[str, object] = {
        "created_at": NOON,
        "visitor": "v-1",
        "thumb": "up",
        "turns": [{"role": "user", "content": "Hello"}],
        "reply": "Hi",
        "model_name": "r1",
        "base_hash": "b",
        "model_hash": "m",
        "template_hash": "t",
        "decoding": {"temperature": 0.0},
        "seed": 2**40,
        "app_version": "0.1.0",
        "idempotency_key": key,
    }
    return FeedbackRow(**(fields | changed))


@pytest.fixture
def database(tmp_path: Path):
    opened = open_database(tmp_path / "chatui.sqlite")
    yield opened
    opened.close()


def schema(engine: Engine) -> dict[str, list[str]]:
    """The statement that made each table or index, as a sorted list of its lines: alembic writes
    constraints in another order."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        )
        statements = {name: sql for name, sql in rows if not name.startswith("alembic")}
    return {
        n: sorted(line.strip("\t ,\n") for line in s.split("\n")) for n, s in statements.items()
    }


def test_migrating_an_empty_database_gives_exactly_the_schema_of_the_tables(database: Database):
    made = create_engine("sqlite://")
    Table.metadata.create_all(made)

    assert schema(database.engine) == schema(made)
    made.dispose()
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_the_newest_migration_is_the_one_that_opening_expects():
    assert ScriptDirectory.from_config(configuration()).get_current_head() == REVISION


def test_opening_twice_keeps_what_is_there(tmp_path: Path):
    first = open_database(tmp_path / "chatui.sqlite")
    with first.writing() as session:
        session.add(study())
    first.close()

    second = open_database(f"sqlite:///{tmp_path / 'chatui.sqlite'}")
    with second.reading() as session:
        assert session.get_one(StudyRow, "t1").created_at == NOON
    second.close()


def test_many_who_open_an_empty_database_at_once_migrate_it_once(tmp_path: Path):
    opened: list[Database] = []
    threads = [
        threading.Thread(target=lambda: opened.append(open_database(tmp_path / "x.sqlite")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opened) == 8
    for database in opened:
        database.close()


def test_a_database_of_a_later_version_is_refused_in_words(tmp_path: Path):
    database = open_database(tmp_path / "chatui.sqlite")
    with database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()

    with pytest.raises(DatabaseIsNewer, match="newer chatui"):
        open_database(tmp_path / "chatui.sqlite")


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path):
    path = tmp_path / "chatui.sqlite"
    path.write_text("this is a letter to my aunt, and not a database at all " * 40)

    with pytest.raises(DatabaseUnusable, match="can't be used"):
        open_database(path)


def test_a_file_of_an_older_kind_of_empty_is_migrated(tmp_path: Path):
    (tmp_path / "chatui.sqlite").touch()

    open_database(tmp_path / "chatui.sqlite").close()


def test_sqlite_writes_ahead_waits_for_others_and_holds_foreign_keys(database: Database):
    with database.reading() as session:
        values = [
            session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        ]

    assert values == ["wal", 1, 10_000, 2]
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add(
            RaterRow(
                id="x",
                study="nowhere",
                number=1,
                is_owner=False,
                token_hash="h",
                created_at=NOON,
            )
        )


def test_a_failed_block_leaves_nothing_behind(database: Database):
    def write_and_fail() -> None:
        with database.writing() as session:
            session.add(study())
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()

    with database.reading() as session:
        assert session.get(StudyRow, "t1") is None


def test_writers_at_the_same_time_wait_for_each_other(database: Database):
    def add(number: int) -> None:
        with database.writing() as session:
            seen = session.query(FeedbackRow).count()
            session.add(feedback(f"k{number}", comment=str(seen)))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.reading() as session:
        comments = {row.comment for row in session.query(FeedbackRow)}
    assert comments == {str(number) for number in range(20)}


def test_what_was_written_survives_the_death_of_the_writer(tmp_path: Path):
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from tests.test_database import feedback\n"
        "from chatui.database import open_database\n"
        "database = open_database(Path(sys.argv[1]))\n"
        "with database.writing() as session:\n"
        "    session.add(feedback('k1'))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    path = tmp_path / "chatui.sqlite"
    ended = subprocess.run([sys.executable, "-c", script, str(path)], check=False)

    database = open_database(path)
    with database.reading() as session:
        assert ended.returncode == -9
        assert session.query(FeedbackRow).count() == 1
    database.close()


def test_moments_come_back_with_their_time_zone(database: Database):
    elsewhere = datetime(2026, 1, 2, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    with database.writing() as session:
        session.add(feedback("k1", created_at=elsewhere))

    with database.reading() as session:
        moment = session.query(FeedbackRow).one().created_at
    assert moment == NOON
    assert moment.tzinfo is not None


def test_text_that_no_database_can_store_is_mended(database: Database):
    with database.writing() as session:
        session.add(feedback("k1", comment="a\0b\ud800c"))

    with database.reading() as session:
        assert session.query(FeedbackRow).one().comment == "ab?c"


def test_a_thumb_is_up_or_down(database: Database):
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add(feedback("k1", thumb="side"))


def test_every_table_can_be_made_in_postgresql_too():
    statements = [
        str(CreateTable(table).compile(dialect=postgresql.dialect()))
        for table in Table.metadata.sorted_tables
    ]

    assert any("JSONB" in statement for statement in statements)
    assert any("TIMESTAMP WITH TIME ZONE" in statement for statement in statements)
