"""Erasing what is known of somebody: recorded first, in every incident that it concerns, and then done.

What is erased is what stands behind the digests. The entries, their proofs and every export stay valid; an export that
was handed out with the values in it is out of our reach.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from firedoor.canonical import sha256_hex
from firedoor.timeline.disclosures import Disclosures
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.sealed import erased, sealed
from firedoor.timeline.store import Timeline

#: Digests of one entry: 44 bytes each, of 65,000.
MOST = 1000


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased: values, the incidents whose entries held their digests, and whether nothing is left on the disk.

    `scoured` is False where another process was reading the file: what was deleted is overwritten, but older pages may
    still be in its log (`-wal`) until the next one who erases, or the last one who closes the file.
    """

    subject: str
    values: int
    incidents: tuple[str, ...]
    scoured: bool


def preview(disclosures: Disclosures, timeline: Timeline, subject: str) -> Erasure:
    """What `erase_subject` would erase. Raises `RefusedError` while it is on hold."""
    disclosures.refuse_held(subject)
    digests = disclosures.of(subject)
    return Erasure(subject, len(digests), _names(_where(timeline, set(digests))), scoured=False)


def erase_subject(disclosures: Disclosures, timeline: Timeline, subject: str, *, reason: str, by: str) -> Erasure:
    """Erase what is kept about a subject. `reason` is the basis, `by` the principal; both are recorded.

    Killed in the middle, the same call ends it. Raises `RefusedError` while it is on hold, `TimelineError`,
    `DisclosureError`; where the record fails, nothing is erased.
    """
    disclosures.refuse_held(subject)
    digests = disclosures.of(subject)
    where = _where(timeline, set(digests))
    drafts = [draft for incident, held in where.items() for draft in _drafts(incident, held, reason, by)]
    if drafts:
        timeline.append(drafts)
    values = disclosures.erase(subject)
    return Erasure(subject, values, _names(where), scoured=disclosures.scour())


def _where(timeline: Timeline, digests: set[str]) -> dict[str, list[str]]:
    """The digests that entries hold and no redaction names yet, by incident; holds are in none (`""`)."""
    if not digests:
        return {}
    found: dict[str, list[str]] = {}
    for incident in (*timeline.incidents(), ""):
        entries = [stored.entry for stored in timeline.entries(incident)]
        done = erased(entries)
        held = dict.fromkeys(one for entry in entries for one in sealed(entry) if one in digests and one not in done)
        if held:
            found[incident] = list(held)
    return found


def _names(incidents: Iterable[str]) -> tuple[str, ...]:
    return tuple(incident for incident in incidents if incident)


def _drafts(incident: str, digests: list[str], reason: str, by: str) -> Iterator[Draft]:
    for start in range(0, len(digests), MOST):
        part = digests[start : start + MOST]
        many = "1 value was" if len(part) == 1 else f"{len(part):,} values were"
        body = {
            "actor": {"kind": "human", "id": by},
            "digests": part,
            "basis": reason,
            "say": f"{many} erased: {reason}",
        }
        # Of the digests alone: the name of an entry must not tell whom it is about.
        yield Draft(Kind.REDACTION, incident, f"redaction/{incident}/{sha256_hex(''.join(part).encode())}", body)
