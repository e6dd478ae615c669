"""What `firedoor doctor` finds of what campaigns need: customers, notices, ways to them, what is open. Changes nothing.

Where no runbook tells customers, and none are known, there is nothing to say.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from firedoor.campaign import Channel, MessageState
from firedoor.cli.views.checklist import Finding
from firedoor.config import Settings
from firedoor.customers.registry import Registry
from firedoor.errors import FiredoorError, UsageError
from firedoor.notices.folder import load_notice
from firedoor.notices.lint import mistakes_of
from firedoor.outbox.states import OVER
from firedoor.outbox.store import Outbox
from firedoor.plan import Plan
from firedoor.words import plural

DAY = 86_400
#: A list of customers that has not changed for so long is hardly imported any more. Days.
OLD = 30
HOW = "docs/how-to/campaigns.md"


def outreach(settings: Settings, plans: Sequence[Plan]) -> Iterator[Finding]:
    """Could the campaigns of these plans be sent, and does one that runs need a person?"""
    telling = [plan for plan in plans if any(step.campaign for step in plan.steps)]
    if telling or settings.customers_path.exists():
        yield registry(settings)
    if telling:
        yield from notices(settings, telling)
        yield from _ways(settings, telling)
        yield from _pages(settings)
    if settings.outbox_path.exists():
        yield from campaigns(settings)


def registry(settings: Settings) -> Finding:
    """The customers: there, not old, each with a contact."""
    begin = "`firedoor customers import FILE`: docs/how-to/customers.md"
    if not settings.customers_path.exists():
        return Finding("warn", "customers", "none are imported: a campaign would reach nobody", begin)
    try:
        with Registry.open(settings.customers_path) as store:
            version, lonely = store.version(), store.lonely()
    except FiredoorError as error:
        return Finding("fail", "customers", error.what, error.next)
    if not version.number:
        return Finding("warn", "customers", "none are imported: a campaign would reach nobody", begin)
    days = int((time.time() - datetime.fromisoformat(version.at).astimezone(UTC).timestamp()) // DAY)
    age = "today" if days < 1 else f"{plural(days, 'days')} ago"
    says = f"{plural(version.customers, 'customers')}, last changed {age} by an import"
    if lonely:
        return Finding(
            "warn",
            "customers",
            f"{says}; {plural(lonely, 'customers')} of them without a contact: each will be a task for a person",
            "`firedoor customers list --missing-contact` names them.",
        )
    if days > OLD:
        return Finding("warn", "customers", f"{says}: who has come since is not told", begin)
    return Finding("ok", "customers", says)


def notices(settings: Settings, plans: Sequence[Plan]) -> Iterator[Finding]:
    """The notices of the plans can be sent: one with a mistake keeps the whole campaign back."""
    wanted = {
        (step.campaign.notice, step.campaign.version, bool(step.campaign.escalates)): plan.name
        for plan in plans
        for step in plan.steps
        if step.campaign
    }
    good: list[str] = []
    for (name, version, escalates), runbook in wanted.items():
        try:
            found = mistakes_of(load_notice(name, version, settings), settings, escalates=escalates)
        except UsageError as error:
            yield Finding("fail", f"notice {name}", f"{error.what} {runbook} tells customers with it.", error.next)
            continue
        if found:
            more = f"firedoor notices lint {name}"
            yield Finding("fail", f"notice {name}", f"{plural(len(found), 'mistakes')}; the first: {found[0]}", more)
        else:
            good.append(name)
    if good:
        yield Finding("ok", "customer notices", f"no mistake in {', '.join(dict.fromkeys(good))}")


def _ways(settings: Settings, plans: Sequence[Plan]) -> Iterator[Finding]:
    """The channels of the plans are set up. Whether they work is asked elsewhere: the mail server's by `checkup`."""
    used = {channel for plan in plans for step in plan.steps if step.campaign for channel in step.campaign.channels}
    if Channel.EMAIL in used and not (settings.mail.transport and settings.mail.sender):
        yield Finding("warn", "[mail]", "not configured, and customers would be told by it", "docs/how-to/mail.md")
    if Channel.SLACK in used and not settings.slack.bot_token:
        yield Finding("warn", "[slack]", "not configured, and customers would be told by it", "docs/how-to/slack.md")
    if not settings.notices.company:
        yield Finding("warn", "[notices] company", "not set: nobody would sign what customers are told", HOW)


def _pages(settings: Settings) -> Iterator[Finding]:
    """Customers can acknowledge."""
    public, subject = settings.server.public_url, "[server] public_url"
    if not public:
        yield Finding("warn", subject, "not set: no campaign is sent without a page for its readers", HOW)
    elif not public.startswith("https://"):
        yield Finding("warn", subject, f"{public} is not encrypted, and customers' personal links lead there", HOW)
    else:
        yield Finding("ok", subject, f"customers acknowledge at {public}")


def campaigns(settings: Settings) -> Iterator[Finding]:
    """Those that are not over: what of them nobody but a person can decide."""
    try:
        with Outbox.open(settings.outbox_path) as outbox:
            now = time.time()
            open_ = [outbox.standing(one.id, now) for one in outbox.campaigns() if one.flow not in OVER]
    except FiredoorError as error:
        yield Finding("fail", "campaigns", error.what, error.next)
        return
    waiting = 0
    for one in open_:
        doubt = one.messages.get(MessageState.IN_DOUBT, 0)
        needs = [f"{plural(doubt, 'messages')} in doubt"] if doubt else []
        needs += [f"{plural(one.tasks, 'customers')} for a person to see to"] if one.tasks else []
        waiting += bool(needs)
        if needs:
            yield Finding(
                "warn", f"campaign {one.campaign}", ", ".join(needs), f"firedoor campaign show {one.campaign}"
            )
    if not waiting:
        yield Finding("ok", "campaigns", f"{plural(len(open_), 'campaigns')} open; none needs a person")
