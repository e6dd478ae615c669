"""How SQLite files of ours are opened, and what is said of those that cannot be."""

import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from firedoor.errors import FiredoorError, UsageError
from firedoor.sqlite import Kind, explained, pragma, transaction

KIND = Kind("things", application_id=0x46447478, format=1, tables=("CREATE TABLE thing (name TEXT) STRICT",))


def test_many_open_a_new_file_at_one_moment(tmp_path: Path) -> None:
    """One of them makes the tables, and none takes the file for somebody else's."""
    for number in range(10):
        path = tmp_path / f"{number}" / "things.sqlite"
        with ThreadPoolExecutor(8) as threads:
            opened = list(threads.map(lambda _, path=path: KIND.open(path, 10.0), range(8)))
        assert {pragma(one, "application_id") for one in opened} == {KIND.application_id}
        assert {one.execute("PRAGMA journal_mode").fetchone()[0] for one in opened} == {"wal"}
        for one in opened:
            one.close()


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    """The file and those that SQLite puts beside it are the owner's alone, and so is the folder."""
    database = KIND.open(tmp_path / "home" / "things.sqlite", 1.0)
    with transaction(database):
        database.execute("INSERT INTO thing VALUES ('a')")
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "home").iterdir()}
    assert (modes, stat.S_IMODE((tmp_path / "home").stat().st_mode)) == ({0o600}, 0o700)
    database.close()


@pytest.mark.parametrize("statement", ["CREATE TABLE theirs (x)", "PRAGMA user_version=2", "PRAGMA application_id=7"])
def test_what_is_not_ours_is_not_touched(tmp_path: Path, statement: str) -> None:
    """Not by a byte: another program, or another version of ours, goes on with it as it was."""
    path = tmp_path / "other.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute(statement)
    other.close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"other\.sqlite does not hold things in format 1"):
        KIND.open(path, 1.0)
    assert path.read_bytes() == before


NEWER = Kind(
    "things",
    application_id=KIND.application_id,
    format=2,
    tables=("CREATE TABLE thing (name TEXT, size INTEGER) STRICT",),
    upgrades={1: ("ALTER TABLE thing ADD COLUMN size INTEGER", "UPDATE thing SET size = length(name)")},
)


def test_an_earlier_format_is_brought_up_to_date(tmp_path: Path) -> None:
    """By whoever opens it first, once; who knows only the earlier one does not touch it any more."""
    path = tmp_path / "things.sqlite"
    with closing(KIND.open(path, 1.0)) as before:
        before.execute("INSERT INTO thing VALUES ('door')")
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda _: NEWER.open(path, 10.0), range(8)))
    assert [one.execute("SELECT * FROM thing").fetchall() for one in opened] == [[("door", 4)]] * 8
    for one in opened:
        one.close()
    with pytest.raises(UsageError, match="does not hold things in format 1"):
        KIND.open(path, 1.0)
    with closing(NEWER.open(tmp_path / "new.sqlite", 1.0)) as new:
        assert (pragma(new, "user_version"), new.execute("SELECT size FROM thing").fetchall()) == (2, [])


def test_an_upgrade_that_fails_is_taken_back(tmp_path: Path) -> None:
    """The file stays what it was, and whoever wrote it goes on with it."""
    path = tmp_path / "things.sqlite"
    KIND.open(path, 1.0).close()
    broken = replace(NEWER, upgrades={1: (*NEWER.upgrades[1], "no SQL")})
    with pytest.raises(sqlite3.OperationalError):
        broken.open(path, 1.0)
    with closing(KIND.open(path, 1.0)) as again:
        assert again.execute("SELECT * FROM thing").fetchall() == []


def test_a_change_that_fails_is_taken_back(tmp_path: Path) -> None:
    """All of it, and the connection goes on."""
    database = KIND.open(tmp_path / "things.sqlite", 1.0)
    with pytest.raises(sqlite3.IntegrityError), transaction(database):
        database.executemany("INSERT INTO thing VALUES (?)", [("a",), (b"no text",)])
    with transaction(database):
        database.execute("INSERT INTO thing VALUES ('b')")
    assert database.execute("SELECT name FROM thing").fetchall() == [("b",)]
    database.close()


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    """SQLite's errors and the system's: what does not work, why, and what to do."""
    (tmp_path / "words").write_text("these are words, and no database of anything" * 50)
    for path, why in (
        (tmp_path / "words", "The things do not work: the file is not a database."),
        (tmp_path / "words" / "below", "The things do not work: File exists."),
    ):
        with pytest.raises(FiredoorError) as caught, explained(FiredoorError, "The things do not work", "Nothing."):
            KIND.open(path, 1.0)
        assert (caught.value.what, caught.value.changed) == (why, "Nothing.")
        assert caught.value.next


def test_a_second_connection_of_a_process_keeps_its_locks(tmp_path: Path) -> None:
    """Another process that opens and closes the file does not take the journal away from under the first one."""
    path = tmp_path / "shared.sqlite"
    first, second = KIND.open(path, 1.0), KIND.open(path, 1.0)
    first.execute("INSERT INTO thing VALUES ('before')")
    opened = (
        f"from tests.test_sqlite import KIND; from pathlib import Path; KIND.open(Path({str(path)!r}), 1.0).close()"
    )
    subprocess.run([sys.executable, "-c", opened], check=True, cwd=Path(__file__).parents[1])
    first.execute("INSERT INTO thing VALUES ('after')")
    assert path.with_name("shared.sqlite-wal").exists()
    assert [row[0] for row in second.execute("SELECT * FROM thing")] == ["before", "after"]
    first.close()
    second.close()
