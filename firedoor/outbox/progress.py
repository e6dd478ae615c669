"""What became of customers, as the timeline has it: what they replaced, who acknowledged, who needs or met a person.

Many to an entry. Who it was, which credential, and what was seen of it, are salted digests there.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from firedoor.outbox.record import Change, Head
from firedoor.timeline.disclosures import Disclosures, Value
from firedoor.timeline.entry import Draft, Kind
from firedoor.words import plural

#: Customers of one entry. With the longest names of providers it stays under its 65,535 bytes.
MOST = 250
ACKNOWLEDGED, REPLACED, REACHED, TASK = "acknowledged", "replaced", "reached", "task"
OUTBOX = {"kind": "system", "id": "outbox"}

Said = Callable[[Change], dict[str, Any]]


def drafts(head: Head, changes: Sequence[Change], disclosures: Disclosures) -> Iterator[Draft]:
    """The entries of changes of customers, by what they are. Raises `DisclosureError`."""
    for state, (kind, name, say, item) in _KINDS.items():
        for part in _parts([change for change in changes if change.state == state]):
            idem = f"outbox/{head.nonce}/{head.id}/{state}/{part[0].number}"
            values = [Value(change.customer, state, _sealed(change)) for change in part]
            digests = disclosures.seal_all(values, name=idem)
            body = {
                "actor": {"kind": "human", "id": part[0].by} if state == REACHED else OUTBOX,
                **shared(head, name),
                state: [{**item(one), "_sd": [digest]} for one, digest in zip(part, digests, strict=True)],
                "say": say(len(part)),
            }
            yield Draft(kind, head.incident, idem, body)


def _parts(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """Changes that make an entry together: by one person, and no more than fit."""
    for _, run in groupby(changes, lambda change: change.by if change.state == REACHED else ""):
        own = list(run)
        yield from (own[start : start + MOST] for start in range(0, len(own), MOST))


def shared(head: Head, name: str) -> dict[str, Any]:
    """What every entry of a campaign says; `name` is what has been done."""
    return {
        "cause": {"wf": head.incident, "step": head.step, "campaign": head.id},
        "action": {"name": name, "target": head.id, "mode": "drill" if head.drill else "live"},
    }


def _sealed(change: Change) -> dict[str, Any]:
    """Whose it is, and what was seen or said."""
    credential = {"credential": json.loads(change.credential)} if change.credential else {}
    return {"customer": change.customer, **credential, **({"says": change.reason} if change.reason else {})}


def _replaced(change: Change) -> dict[str, Any]:
    """`seen` is when it was found, `since` when it was changed, where that is told. Milliseconds since the epoch."""
    at = {"since": round(change.since * 1000)} if change.since else {}
    return {"provider": change.provider, "found": change.found, "seen": round(change.at * 1000), **at}


def _acknowledged(change: Change) -> dict[str, Any]:
    return {"contact": change.by, "at": round(change.at * 1000)}


def _at(change: Change) -> dict[str, Any]:
    return {"at": round(change.at * 1000)}


_KINDS: dict[str, tuple[Kind, str, Callable[[int], str], Said]] = {
    REPLACED: (
        Kind.EVIDENCE,
        "campaign.measure",
        lambda count: f"{plural(count, 'exposed credentials')} found replaced.",
        _replaced,
    ),
    ACKNOWLEDGED: (
        Kind.EVIDENCE,
        "campaign.acknowledge",
        lambda count: f"{plural(count, 'customers')} acknowledged the notice.",
        _acknowledged,
    ),
    TASK: (
        Kind.NOTE,
        "campaign.send",
        lambda count: f"A person has to see to {plural(count, 'customers')}.",
        _at,
    ),
    REACHED: (
        Kind.NOTE,
        "campaign.reach",
        lambda count: f"{plural(count, 'customers')} reached another way, by hand.",
        _at,
    ),
}
