"""What a customer's page shows: its keys, which of them are replaced, and how the others are. Pure.

Nothing here is a secret, and nothing tells how we keep what is ours: where a key lies with us, and what a failed check
said, is for our own people. Texts of strangers (names of companies and keys) are made one line.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from firedoor.campaign import Exposure, Found
from firedoor.customers.model import Dependency
from firedoor.mailing import Notices
from firedoor.notices.composing import PREPARED
from firedoor.notices.variables import described, said
from firedoor.recipient import CampaignRow, Measure, Recipient
from firedoor.server.pages.phrases import Phrases

#: Characters of an id that are shown; most are shorter, and of the others the end tells most.
LONGEST, END = 40, 12
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Key:
    """One credential. `done` is the sentence that says how it was replaced; empty while it is not."""

    provider: str
    kind: str
    name: str
    id: str
    scope: str
    done: str
    checked: str
    #: Could it not be checked when that was last tried?
    doubtful: bool
    #: What the provider asks for (English), and where: an address without `https://`.
    steps: str
    where: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """The page of one customer. Moments are written out, for a reader in its own zone and language."""

    customer: str
    title: str
    exposure: str
    deadline: str
    acknowledged: str
    keys: tuple[Key, ...]
    drill: bool
    #: The public copy: its whole address, and what this page's own address begins with.
    copy: str
    address: str

    @property
    def open(self) -> int:
        """How many keys are to be replaced."""
        return sum(not one.done for one in self.keys)

    @property
    def replaced(self) -> int:
        """How many are replaced."""
        return len(self.keys) - self.open


def sheet(
    campaign: CampaignRow, recipient: Recipient, measures: Iterable[Measure], words: Phrases, *, copy: str, address: str
) -> Sheet:
    """What there is to show of a customer now."""
    found = {one.credential: one for one in measures}
    keys = tuple(
        _key(credential, fields, found.get(number), words, recipient.zone)
        for number, (credential, fields) in enumerate(
            zip(recipient.credentials, described(recipient.credentials), strict=True)
        )
    )
    open_ = sum(not one.done for one in keys)
    one, several = words.to_do
    title = (one if open_ == 1 else several).format(count=open_) if open_ else words.all_done
    return Sheet(
        customer=said(recipient.name or recipient.customer),
        title=title if keys else words.no_keys,
        exposure=_exposure(recipient.exposure, words) if open_ else "",
        deadline=_deadline(campaign, words, recipient.zone) if open_ else "",
        acknowledged=words.says(recipient.acknowledged, recipient.zone) if recipient.acknowledged else "",
        # What is still to be done stands first.
        keys=tuple(sorted(keys, key=lambda one: bool(one.done))),
        drill=campaign.drill,
        copy=copy,
        address=address,
    )


def company(notices: Notices) -> str:
    """Who it is from."""
    return said(notices.company)


def support(notices: Notices) -> tuple[str, str]:
    """Where customers ask: the text, and what a link to it leads to (empty: no link)."""
    text = said(notices.support)
    if text.startswith("https://"):
        return text, text
    at = "@" in text and not any(char.isspace() or char in "<>?&" for char in text)
    return text, f"mailto:{text}" if at else ""


def _key(credential: Dependency, fields: Mapping[str, str], measure: Measure | None, words: Phrases, zone: str) -> Key:
    identity = said(credential.id)
    # Without a name and an id it is called as in the notice: whoever has several can tell them apart.
    name = said(credential.name) or ("" if identity else fields["name"])
    shown = identity if len(identity) <= LONGEST else f"…{identity[-END:]}"
    return Key(
        provider=fields["provider_title"],
        kind=fields["kind_title"],
        name=name,
        id=shown if identity != name else "",
        scope=said(credential.scope),
        done=_done(measure, fields["provider_title"], words, zone) if measure and measure.replaced else "",
        checked=_checked(measure, words, zone),
        doubtful=measure is not None and measure.looked > measure.told,
        steps=fields["rotate"],
        where=fields["where"],
    )


def _done(measure: Measure, provider: str, words: Phrases, zone: str) -> str:
    sentences = {Found.CHANGED: words.changed, Found.GONE: words.gone, Found.REFUSED: words.refused}
    return sentences[measure.found].format(when=words.says(measure.at or measure.told, zone), provider=provider)


def _checked(measure: Measure | None, words: Phrases, zone: str) -> str:
    """When it was last known how it is."""
    if measure is None or not measure.looked:
        return words.unchecked
    told, looked = (words.says(one, zone) for one in (measure.told, measure.looked))
    if measure.looked <= measure.told:
        return words.checked.format(when=told)
    return (words.doubtful if measure.told else words.never_told).format(looked=looked, told=told)


def _exposure(exposure: str, words: Phrases) -> str:
    sentences = {
        Exposure.CONFIRMED.value: words.confirmed,
        Exposure.LIKELY.value: words.likely,
        Exposure.POSSIBLE.value: words.possible,
    }
    return sentences.get(exposure, "")


def _deadline(campaign: CampaignRow, words: Phrases, zone: str) -> str:
    """What the notice's variable `deadline` says, else when what is left is escalated; empty where there is neither."""
    given: Any = campaign.values.get("deadline")
    if given:
        return words.by.format(when=said(str(given)))
    began = campaign.extra.get(PREPARED) or campaign.began
    if not campaign.spec.escalates or not began:
        return ""
    # As the notice says it: the hour that has begun by then.
    return words.by.format(when=words.says((began + campaign.spec.escalates) // HOUR * HOUR, zone))
