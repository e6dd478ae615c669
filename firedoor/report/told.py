"""The customers in a report: what a campaign's rows say. Counts and reasons, no address and no name."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from firedoor.campaign import Flow, MessageState, Standing, Tally
from firedoor.outbox.store import Outbox
from firedoor.recipient import CampaignRow, Message
from firedoor.report.document import Cell, Code, Facts, Mark, Part, Share, Table, Tone
from firedoor.words import plural

#: Messages that are read at once.
PAGE = 5_000
COHORT = ("cohort", "customers", "reached", "acknowledged", "rotated")
PROVIDER = ("provider", "credentials", "replaced")
#: How the flow of a campaign is marked.
FLOWS: dict[Flow, Tone] = {Flow.ENDED: "good", Flow.STOPPED: "bad", Flow.HALTED: "bad"}


@dataclass(frozen=True, slots=True)
class Told:
    """A campaign. `messages` counts rows by (channel, reminder, state), `tasks` customers by why a person is needed.

    `rows` are all messages, `unique` those that differ in customer, contact, channel, version or reminder.
    """

    campaign: CampaignRow
    standing: Standing
    messages: Counter[tuple[str, int, MessageState]]
    tasks: Counter[str]
    rows: int
    unique: int


def campaigns(outbox: Outbox, incident: str, now: float) -> tuple[Told, ...]:
    """The campaigns of an incident, the oldest first."""
    found = [one for one in outbox.campaigns() if one.incident == incident]
    return tuple(_told(outbox, one, now) for one in reversed(found))


def _told(outbox: Outbox, campaign: CampaignRow, now: float) -> Told:
    counts, rows, seen = Counter[tuple[str, int, MessageState]](), 0, set[tuple[object, ...]]()
    for one in _messages(outbox, campaign.id):
        rows += 1
        counts[one.channel, one.reminder, one.state] += 1
        seen.add((one.customer, one.contact, one.channel, one.version, one.reminder))
    tasks = Counter(one.task for one in outbox.tasks(campaign.id))
    return Told(campaign, outbox.standing(campaign.id, now), counts, tasks, rows, len(seen))


def _messages(outbox: Outbox, campaign: str) -> Iterator[Message]:
    after = 0
    while page := outbox.messages(campaign, after=after, limit=PAGE):
        yield from page
        after = page[-1].id


def parts(told: Told) -> Iterator[Part]:
    """What a report says of one campaign."""
    campaign, standing = told.campaign, told.standing
    yield Facts(tuple(_facts(told)))
    if any(standing.cohorts):
        yield Table("By cohort", COHORT, tuple(_tally(name, one) for name, one in standing.cohorts.items()))
    if standing.providers and campaign.spec.until:
        yield Table("Replaced, by provider", PROVIDER, tuple(_provider(*one) for one in standing.providers.items()))
    yield _sent(told)
    if told.tasks:
        left = f"firedoor campaign show {campaign.id} names them."
        why = tuple(_reason(*one) for one in told.tasks.most_common())
        yield Table("What a person has to see to", ("why", "customers"), why, left)


def _facts(told: Told) -> Iterator[tuple[str, Cell]]:
    campaign, standing = told.campaign, told.standing
    doubt = standing.messages.get(MessageState.IN_DOUBT, 0)
    flow = f"{standing.flow.value}{f': {standing.reason}' if standing.reason else ''}"
    yield "campaign", Code(campaign.id)
    yield "notice", f"{campaign.spec.notice}, version {campaign.spec.version}"
    yield "approved content and recipients", Code(campaign.digest)
    yield "state", Mark(flow, FLOWS.get(standing.flow, "open"))
    yield "reached", Share(standing.reached, standing.customers)
    if standing.by_hand:
        yield "reached by hand", plural(standing.by_hand, "customers")
    yield "acknowledged", Share(standing.acknowledged, standing.customers)
    if campaign.spec.until:
        yield "rotated", Share(standing.remediated, standing.customers)
    yield "without any contact", plural(standing.nobody, "customers")
    yield "in doubt", Mark(plural(doubt, "messages"), "open") if doubt else Mark("none", "good")
    once = told.rows == told.unique
    yield "each told once", Mark("yes: no row stands there twice", "good") if once else Mark("no", "bad")


def _tally(name: str, one: Tally) -> tuple[Cell, ...]:
    reached, acknowledged = Share(one.reached, one.total), f"{one.acknowledged:,}"
    return name, f"{one.total:,}", reached, acknowledged, Share(one.remediated, one.total)


def _provider(name: str, one: Tally) -> tuple[Cell, ...]:
    return name, f"{one.total:,}", Share(one.remediated, one.total)


def _reason(why: str, count: int) -> tuple[Cell, ...]:
    return why, f"{count:,}"


def _sent(told: Told) -> Table:
    """Messages by channel and reminder."""
    states = [state for state in MessageState if any(state is of for _, _, of in told.messages)]
    kinds = sorted({(reminder, channel) for channel, reminder, _ in told.messages})
    rows = tuple(
        (
            f"{'notice' if not reminder else f'reminder {reminder}'} by {channel}",
            *(f"{told.messages[channel, reminder, state]:,}" for state in states),
        )
        for reminder, channel in kinds
    )
    return Table("Messages", ("what", *(state.value.replace("_", " ") for state in states)), rows)
