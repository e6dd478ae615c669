"""The entries of one transaction, as they get their place: index, number, previous entry, time, id.

Pure but for random bits; the store reads what it needs before and writes what comes out.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from firedoor.canonical import canonical_bytes, sha256_hex
from firedoor.timeline.checkpoint import b64
from firedoor.timeline.entry import Draft, Entry, Kind, Prepared, prepare
from firedoor.timeline.nodes import STORED_LEVELS
from firedoor.timeline.tree import Edge, leaf_hash


class Receipt(NamedTuple):
    """A durable entry: its index in the log, its id, its number in the incident.

    `duplicate`: it was there before. `conflict`: it was there before with other content; the attempt to overwrite it is
    recorded as an entry of its own.
    """

    idx: int
    id: str
    seq: int
    duplicate: bool = False
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry with its place in the log."""

    idx: int
    entry: Entry
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The clocks, read once for a transaction: wall clock, and microseconds since the boot named by its id."""

    wall: datetime
    mono_us: int
    boot: str

    @property
    def recorded_at(self) -> str:
        """RFC 3339, UTC, microseconds."""
        return self.wall.isoformat(timespec="microseconds").replace("+00:00", "Z")


_62_BITS = (1 << 62) - 1
#: The two bits that mark a UUID's variant.
_VARIANT = 2 << 62

#: The next number of an incident and the `prev` of its next entry, as JSON.
Head = tuple[int, bytes]
#: idx, idem, incident, seq, scope, leaf, body
Row = tuple[int, str, str, int, str, bytes, bytes]


class Batch:
    """Collects the rows of one transaction. Nothing outside it changes until the store has committed them."""

    def __init__(
        self, log: str, edge: Edge, stamp: Stamp, *, known: Callable[[str], Stored | None], head: Callable[[str], Head]
    ) -> None:
        self.edge = edge
        self.rows: list[Row] = []
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.heads: dict[str, Head] = {}
        self._fresh: dict[str, tuple[Receipt, Draft]] = {}
        self._log = log
        self._known = known
        self._head = head
        self.recorded_at = stamp.recorded_at
        self._recorded_at = b'"%s"' % stamp.recorded_at.encode()
        self._clock = b'{"boot":"%s","mono_us":%d}' % (stamp.boot.encode(), stamp.mono_us)
        milliseconds = f"{int(stamp.wall.timestamp() * 1000):012x}"
        self._id_prefix = f"{milliseconds[:8]}-{milliseconds[8:]}"
        self._random = int.from_bytes(os.urandom(8))
        self._stride = int.from_bytes(os.urandom(8)) | 1

    def add(self, item: Prepared) -> Receipt:
        """Give a draft its place, or find the entry that it already is."""
        draft = item.draft
        fresh = self._fresh.get(draft.idem)
        if fresh is not None:
            receipt, first = fresh
            return self._again(draft, receipt, same=_content(first) == _content(draft))
        stored = self._known(draft.idem)
        if stored is not None:
            entry = stored.entry
            before = canonical_bytes([entry.kind, entry.incident, entry.ref, stored.scope, entry.body])
            return self._again(draft, Receipt(stored.idx, entry.id, entry.seq), same=before == _content(draft))
        return self._append(item)

    def _append(self, item: Prepared) -> Receipt:
        draft, incident = item.draft, item.draft.incident
        seq, prev = self.heads.get(incident) or self._head(incident)
        idx, id = self.edge.size, self._new_id()
        data = item.entry_bytes(self._clock, f'"{id}"'.encode(), prev, self._recorded_at, b"%d" % seq)
        leaf = leaf_hash(data)
        self.edge.append(leaf, self.nodes, STORED_LEVELS)
        self.heads[incident] = (seq + 1, b'"%s"' % b64(leaf).encode())
        self.rows.append((idx, draft.idem, incident, seq, draft.scope, leaf, data))
        receipt = Receipt(idx, id, seq)
        self._fresh[draft.idem] = receipt, draft
        return receipt

    def _again(self, draft: Draft, first: Receipt, *, same: bool) -> Receipt:
        if not same:
            digest = sha256_hex(_content(draft))
            body = {
                "actor": {"kind": "system", "id": "timeline"},
                "submitted": {"kind": draft.kind.value, "sha256": digest},
                "say": f"Another {draft.kind} was submitted in the place of entry {first.seq}, which stands.",
            }
            idem = f"conflict/{digest}/{draft.idem}"
            self.add(prepare(Draft(Kind.CONFLICT, draft.incident, idem, body, ref=first.id), self._log))
        return Receipt(first.idx, first.id, first.seq, duplicate=True, conflict=not same)

    def _new_id(self) -> str:
        """A UUID of version 7; the 12 bits after the milliseconds count up, so that ids sort like entries."""
        bits = self._random & _62_BITS
        # Two draws for a transaction: steps of an odd size never meet the same bits twice in it.
        self._random += self._stride
        rest = f"{_VARIANT | bits:016x}"
        return f"{self._id_prefix}-7{len(self.rows) & 0xFFF:03x}-{rest[:4]}-{rest[4:]}"


def _content(draft: Draft) -> bytes:
    """What must be equal for two drafts to be one entry."""
    return canonical_bytes([draft.kind, draft.incident, draft.ref, draft.scope, draft.content()])
