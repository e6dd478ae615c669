"""The runbooks as they stand now, compiled once for as long as no file of theirs changes."""

import asyncio
from pathlib import Path

from firedoor.catalog import Shelf, runbooks, shelf
from firedoor.config import Settings

_Stamp = tuple[tuple[str, int, int], ...]


class Shelves:
    """All runbooks, compiled. A command must not wait for a compiler. While `held` is taken nobody reads them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.held = asyncio.Lock()
        self._stamp: _Stamp | None = None
        self._shelf = Shelf({}, {})

    async def now(self) -> Shelf:
        """The runbooks as their files are now. Raises `UsageError` where a configured folder does not exist."""
        async with self.held:
            stamp = await asyncio.to_thread(self._read)
            if stamp != self._stamp:
                self._shelf = await asyncio.to_thread(shelf, self._settings)
                self._stamp = stamp
            return self._shelf

    def _read(self) -> _Stamp:
        return tuple(_of(path) for path in runbooks(self._settings).values())


def _of(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (str(path), 0, 0)
    return (str(path), found.st_mtime_ns, found.st_size)
