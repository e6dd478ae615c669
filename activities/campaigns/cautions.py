"""What whoever approves a campaign is to know, and what keeps it from nothing: who has read it, what nobody can see."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from activities.campaigns.listings import BRAINTRUST
from firedoor.config import Settings
from firedoor.customers.model import Dependency
from firedoor.errors import StepError
from firedoor.outbox import repeating
from firedoor.outbox.store import Outbox, parts
from firedoor.plan import Campaign
from firedoor.recipient import CampaignRow, Recipient
from firedoor.sinks import STORES, place
from firedoor.words import plural

#: Who was told the same so long ago has forgotten it. Seconds.
LATELY = 30 * 86_400
#: Campaigns and stores that are named.
NAMED = 3


@dataclass(slots=True)
class Cautions:
    """Gathers it, customer by customer; `sentences` has it."""

    settings: Settings
    spec: Campaign
    customers: list[str] = field(default_factory=list[str])
    _stores: Counter[str] = field(default_factory=Counter[str])
    _nowhere: int = 0

    def add(self, one: Recipient) -> None:
        """One more customer of the campaign."""
        self.customers.append(one.customer)
        if "remediated" not in self.spec.until:
            return
        for credential in one.credentials:
            self._nowhere += not credential.store and not credential.id
            if scheme := _scheme(credential):
                self._stores[scheme] += 1

    def sentences(self, outbox: Outbox, row: CampaignRow, now: float) -> tuple[str, ...]:
        """Empty where there is nothing to know. Raises `StoreError`."""
        told = self._told(outbox, row, now)
        return (*([told] if told else []), *self._blind())

    def _blind(self) -> list[str]:
        """Nobody who cannot look sees that anything is replaced: in the end it would be disabled all the same."""
        closed = [scheme for scheme, _ in self._stores.most_common() if _lacking(scheme, self.settings)]
        unseen = "nobody can see whether"
        found = [
            f"{plural(self._stores[scheme], 'credentials')} {_lie(self._stores[scheme])} at {scheme}, which is not"
            f" configured here: {unseen} {_they(self._stores[scheme])} replaced."
            for scheme in closed
        ]
        if self._nowhere:
            found.append(
                f"Of {plural(self._nowhere, 'credentials')} neither a place nor an id is known: {unseen}"
                f" {_they(self._nowhere)} replaced."
            )
        return found

    def _told(self, outbox: Outbox, row: CampaignRow, now: float) -> str:
        """Two incidents of one runbook may write to the same people; nothing forbids it, and it may not be meant."""
        others = outbox.look(repeating.others, row, now - LATELY)
        if not others:
            return ""
        last: dict[str, float] = {}
        everybody: set[str] = set()
        counts: Counter[str] = Counter()
        for part in parts(self.customers):
            for customer, campaign, reached in outbox.look(repeating.told, [*others], part, now - LATELY):
                everybody.add(customer)
                counts[others[campaign]] += 1
                last[others[campaign]] = max(reached, last.get(others[campaign], 0.0))
        if not everybody:
            return ""
        by = ", ".join(
            f"by {id} on {_day(last[id])}" + (f" ({count:,})" if len(counts) > 1 else "")
            for id, count in counts.most_common(NAMED)
        )
        more = f" and {plural(len(counts) - NAMED, 'campaigns')} more" if len(counts) > NAMED else ""
        were = "was" if len(everybody) == 1 else "were"
        which = f"{row.spec.notice} version {row.spec.version}"
        return f"{len(everybody):,} of these {len(self.customers):,} {were} told this, {which}, {by}{more}."


def _scheme(credential: Dependency) -> str:
    try:
        return place(credential.store).scheme if credential.store else ""
    except StepError:
        return ""


def _lacking(scheme: str, settings: Settings) -> bool:
    """Is a secret not configured without which a store lets nobody look?"""
    # As a provider it is listed (`listings`), whatever it has as a sink.
    given = (settings.providers if scheme == BRAINTRUST else settings.sinks).get(scheme, {})
    needed = (name for name, one in STORES[scheme].settings.items() if one.secret and not one.default)
    return any(not given.get(name) for name in needed)


def _day(moment: float) -> str:
    at = datetime.fromtimestamp(moment, UTC)
    return f"{at.day} {at:%B %Y}"


def _lie(count: int) -> str:
    return "lies" if count == 1 else "lie"


def _they(count: int) -> str:
    return "it is" if count == 1 else "they are"
