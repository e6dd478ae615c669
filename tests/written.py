"""Everything that an installation wrote, opened: to look for what must not be in it."""

import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

SQLITE = b"SQLite format 3\0"


def contents(folder: Path, *, without: str = "") -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file below `folder`; of an archive its members too, of a database its rows too.

    A value may lie across two pages of a database, and no archive shows what is in it. `without` names folders of others.
    """
    files = sorted(one for one in folder.rglob("*") if one.is_file() and without not in one.parts)
    # All of them first: to open a database changes the files beside it.
    for path, raw in [(path, path.read_bytes()) for path in files]:
        yield str(path), raw
        if raw.startswith(SQLITE):
            yield from ((f"{path}: {table}", rows) for table, rows in _tables(path))
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{path}: {name}", archive.read(name)) for name in archive.namelist())


def _tables(path: Path) -> Iterator[tuple[str, bytes]]:
    database = sqlite3.connect(path)
    try:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            rows = database.execute(f'SELECT * FROM "{name}"')
            cells = (cell for row in rows for cell in row)
            yield name, b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)
    finally:
        database.close()
