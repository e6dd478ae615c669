"""A delivery: what a sender posted to a door, and what became of it. Pure data."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from firedoor.alerts import Alert

#: A header whose name sounds like this proves who sent it, or lets in: it is never stored.
SECRET_HEADER = re.compile(r"auth|cookie|signature|token|secret|passw|credential|session|api-?key", re.IGNORECASE)


class State(StrEnum):
    """What became of a delivery. docs/reference/alerts-handling.md has the rules.

    `received`: not dealt with yet. `started`, `joined`: it is in an incident. `known`: an incident that has ended has
    handled it. `ignored`: no trigger fits. `held`: a person has to say so. `dead`: it could not be dealt with.
    """

    RECEIVED = "received"
    STARTED = "started"
    JOINED = "joined"
    KNOWN = "known"
    IGNORED = "ignored"
    HELD = "held"
    DEAD = "dead"


#: Characters of a key that name a delivery without a title.
NAME = 24
#: What is over: removed after a while. `held` and `dead` stay until a person has dealt with them.
HANDLED = frozenset({State.STARTED, State.JOINED, State.KNOWN, State.IGNORED})


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """What the door has verified. `key` is the source's own: a second one at this door is the same delivery.

    `headers` are those that the source needs to parse it again, `body` is without secrets (`Parsed.kept`).
    """

    door: str
    source: str
    key: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Added:
    """It is durable. `id` is that of the first one where it is a duplicate."""

    id: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it is stored. Times are RFC 3339 UTC.

    `incidents` are those that it is in, `reason` says why it is where it is, `against` why runbooks did not fit, a line
    each. `seen` counts how often it came, `attempts` how often it was dealt with. `body` is empty in lists.
    """

    id: str
    door: str
    source: str
    key: str
    received_at: str
    state: State
    title: str = ""
    incidents: tuple[str, ...] = ()
    reason: str = ""
    against: str = ""
    attempts: int = 0
    seen: int = 1
    handled_at: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    @property
    def name(self) -> str:
        """Its title; of one that has none, as what cannot be read, the beginning of its key."""
        return self.title or self.key[:NAME]


@dataclass(frozen=True, slots=True)
class Hit:
    """One alert of a delivery that fits one runbook: it starts or joins `incident`.

    `number` is the alert's place in the delivery. `state` is `received` until that is done; `batch` names those that
    are reported to the incident together, with one count.
    """

    delivery: str
    number: int
    runbook: str
    incident: str
    inputs: dict[str, Any]
    alert: Alert
    received_at: str = ""
    batch: str = ""
    state: State = State.RECEIVED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Matched:
    """What a delivery was found to say: the hits, and why runbooks do not fit.

    `reason` is for a delivery without hits. `failed` is the sentence for what could not be parsed or matched: it makes
    the delivery `dead`, whatever its hits become.
    """

    delivery: str
    title: str = ""
    hits: tuple[Hit, ...] = ()
    reason: str = ""
    against: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """The hits that are reported to one incident together: `first` stands for all `count` of them.

    `number` is how many reports were made to its run, with this one. `admitted`: it may start the incident, and is
    counted as a start.
    """

    id: str
    first: Hit
    count: int
    number: int
    admitted: bool = False


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without those that prove or let in, names in lower case."""
    return {name.lower(): value for name, value in headers.items() if not SECRET_HEADER.search(name)}


def rfc3339(moment: datetime) -> str:
    """A time as it is stored: UTC, microseconds, so that texts sort as times do."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def new_id(last: str, random: str) -> str:
    """An id that sorts after `last`: microseconds of the epoch, and something random of 4 hex digits."""
    now = time.time_ns() // 1000
    if last:
        now = max(now, int(last.partition("-")[0], 16) + 1)
    return f"{now:013x}-{random}"
