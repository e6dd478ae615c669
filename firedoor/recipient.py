"""Who is written to and what became of it: the rows of the outbox, as the rest of firedoor sees them. Pure data."""

from dataclasses import dataclass, field
from typing import Any

from firedoor.campaign import REPLACED, Flow, Found, MessageState
from firedoor.customers.model import Dependency
from firedoor.plan import Campaign


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a customer: a contact of it by one channel. Ways are tried in their order."""

    contact: str
    """The role, and a number where there are several: `security`, `security-2`."""
    name: str
    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """A customer of a campaign, as it was when the campaign was prepared. The registry may change, this does not."""

    customer: str
    position: int
    name: str
    cohort: str
    exposure: str
    language: str
    zone: str
    hours: int
    ways: tuple[Way, ...]
    credentials: tuple[Dependency, ...]
    acknowledged: float = 0
    """Seconds since the epoch; 0: not yet. The same for the others."""
    reached: float = 0
    remediated: float = 0
    by_hand: float = 0
    """When somebody said that it was reached another way."""
    task: str = ""
    """Why a person has to see to this customer."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What was found of one exposed credential of a customer of a campaign; `says` is for people of ours.

    Once it is replaced it stays so. `at` is when it was replaced, as far as that is told; `told` when it was last known
    how it is, `looked` when it was last asked about: later, where that told nothing. Seconds since the epoch, 0: never.
    """

    credential: int
    """Its place in `Recipient.credentials`, from 0."""
    found: Found
    says: str = ""
    at: float = 0
    told: float = 0
    looked: float = 0

    @property
    def replaced(self) -> bool:
        """Is it no longer of use to whoever stole it?"""
        return self.found in REPLACED


@dataclass(frozen=True, slots=True)
class Message:
    """One row: (incident, customer, contact, notice version, channel), and for reminders their number, is unique."""

    id: int
    campaign: str
    customer: str
    contact: str
    channel: str
    address: str
    version: int
    reminder: int
    """0 is the notice itself, 1 the first reminder."""
    state: MessageState
    content: str
    """SHA-256 of the rendered message that was approved, hex. What renders otherwise is not sent."""
    key: str
    """The stable name of the message: the left part of its Message-ID, the key in Slack's metadata."""
    provider_id: str = ""
    attempts: int = 0
    due: float = 0
    """Not before this time (seconds since the epoch)."""
    changed: float = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """So many messages of a campaign did not arrive, by this channel and for this reason."""

    channel: str
    state: MessageState
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign."""

    id: str
    incident: str
    step: str
    spec: Campaign
    values: dict[str, Any]
    notice_sha256: str
    digest: str
    flow: Flow
    drill: bool = False
    flow_by: str = ""
    flow_reason: str = ""
    began: float = 0
    customers: int = 0
    corrects: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
