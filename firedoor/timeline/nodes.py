"""The inner hashes of the stored tree, for proofs. Every eighth level is stored; the seven between are computed."""

import sqlite3

from firedoor.timeline.tree import node_hash

#: Levels divisible by this are stored: the tiles of C2SP tlog-tiles, 256 hashes wide.
STORED_LEVELS = 8
_WIDTH = 1 << STORED_LEVELS
_CACHED_TILES = 512


class Nodes:
    """The complete subtrees of the stored tree, by level and index. Keeps what it computed: use one for many proofs."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._tiles: dict[tuple[int, int], list[list[bytes]]] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """The hash of the complete subtree `(level, index)`."""
        within = level % STORED_LEVELS
        tile, offset = divmod(index, _WIDTH >> within)
        return self._tile(level - within, tile)[within][offset]

    def _tile(self, level: int, tile: int) -> list[list[bytes]]:
        rows = self._tiles.get((level, tile))
        if rows is None:
            rows = [self._read(level, tile * _WIDTH)]
            while len(rows[-1]) > 1:
                below = rows[-1]
                rows.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
            if len(self._tiles) >= _CACHED_TILES:
                self._tiles.clear()
            self._tiles[level, tile] = rows
        return rows

    def _read(self, level: int, start: int) -> list[bytes]:
        end = start + _WIDTH
        if level == 0:
            rows = self._database.execute(
                "SELECT leaf FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx", (start, end)
            )
        else:
            rows = self._database.execute(
                "SELECT hash FROM node WHERE level = ? AND idx >= ? AND idx < ? ORDER BY idx", (level, start, end)
            )
        return [row[0] for row in rows]
