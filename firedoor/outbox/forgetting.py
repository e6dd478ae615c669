"""Forgetting a customer: recorded in every incident that has told it something, then erased from the outbox.

Killed in the middle, the same call ends it: what was recorded is one entry, and who is still there is erased.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from firedoor.canonical import canonical_bytes, sha256_hex
from firedoor.outbox import erasing, merged, record
from firedoor.outbox.database import StoreError
from firedoor.outbox.erasing import Place
from firedoor.outbox.publishing import Publisher
from firedoor.outbox.record import Head
from firedoor.sqlite import scour
from firedoor.timeline.entry import Draft, Kind
from firedoor.words import plural

#: How often it is tried, and seconds between, while a sender reports about the customer at the same moment.
TRIES, PAUSE = 50, 0.1


@dataclass(frozen=True, slots=True)
class Forgotten:
    """From which campaigns a customer was erased, and how many messages to it. `scoured` as in `erasure.Erasure`."""

    campaigns: tuple[str, ...]
    messages: int
    scoured: bool


def forget(publisher: Publisher, customer: str, *, reason: str, by: str) -> Forgotten:
    """Erase a customer from the outbox. `reason` is the basis, `by` the principal; who it was is not recorded.

    Raises `RefusedError` while it is on hold, `TimelineError`, `DisclosureError`, `StoreError`; where the record fails,
    nothing is erased.
    """
    publisher.disclosures.refuse_held(customer)
    found = publisher.outbox.look(erasing.places, customer)
    drafts = [_draft(publisher.outbox.look(record.head, place.id), place, reason, by) for place in found]
    if drafts:
        publisher.timeline.append(drafts)
    for place in found:
        _erase(publisher, place)
    publisher.outbox.change(merged.forget, customer)
    return _forgotten(found, scoured=publisher.outbox.look(scour))


def _erase(publisher: Publisher, place: Place) -> None:
    """What the timeline is being told goes there first: told twice, it has to say the same."""
    for _ in range(TRIES):
        publisher.intend(place.id, [])
        publisher.tell(place.id)
        if publisher.outbox.change(erasing.erase, place, time.time()):
            return
        time.sleep(PAUSE)
    raise StoreError(
        f"The campaign {place.id} sends to this customer at this moment.",
        changed="It is recorded that it is erased, and not yet done.",
        next="Repeat this. `firedoor campaign pause` makes room for it.",
    )


def _draft(head: Head, place: Place, reason: str, by: str) -> Draft:
    said = sha256_hex(canonical_bytes([by, reason]))[:16]
    body = {
        "actor": {"kind": "human", "id": by},
        "cause": {"wf": head.incident, "step": head.step, "campaign": head.id},
        "digests": [],
        "basis": reason,
        "say": f"A customer and {plural(place.messages, 'messages')} to it erased from {head.id}: {reason}",
    }
    # By its number: the name of an entry must not tell whom it is about.
    idem = f"outbox/{head.nonce}/{head.id}/redaction/{place.recipient}/{said}"
    return Draft(Kind.REDACTION, head.incident, idem, body)


def _forgotten(found: Sequence[Place], *, scoured: bool) -> Forgotten:
    return Forgotten(tuple(place.id for place in found), sum(place.messages for place in found), scoured)
