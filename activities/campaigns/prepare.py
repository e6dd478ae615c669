"""A campaign is made ready: everybody is looked up, everything is rendered once, and people get a digest to approve.

The digest is of all that can make a difference to a reader: the notice's texts, the values, every recipient with every
address, and every first message as it was rendered. docs/adr/0016 says what it binds, and what not.
"""

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from activities.campaigns.audience import Progress, Refusals, Sharing, Trouble, corrected, recipients
from activities.campaigns.cautions import Cautions
from activities.campaigns.obstacles import obstacles
from activities.campaigns.samples import Kind, samples
from activities.campaigns.spool import Spool
from firedoor.campaign import Flow, Preparation, PrepareCall
from firedoor.canonical import sha256_hex
from firedoor.config import Settings
from firedoor.customers.registry import Registry
from firedoor.customers.unsubscribed import Unsubscribed
from firedoor.errors import UsageError
from firedoor.notices.composing import DAY, KEPT, PREPARED, PUBLIC, Composer
from firedoor.notices.folder import Notice, load_notice
from firedoor.notices.promise import PROMISED, promised
from firedoor.notices.public import public_copy
from firedoor.notices.rendered import Rendered
from firedoor.notices.rendering import NoticeError
from firedoor.notices.ways import first_ways
from firedoor.outbox.states import OVER
from firedoor.outbox.store import Outbox
from firedoor.recipient import CampaignRow, Recipient, Way
from firedoor.timeline.checkpoint import create_signer

#: Seconds between two signs of life.
BEAT = 5.0
#: Customers between two looks at whether it is still wanted.
STRIDE = 200


class _Unwanted(Exception):
    """Nobody waits for the result any more."""


def _nothing(_: int) -> None:
    """Nobody wants to know how far it is."""


async def prepare(
    call: PrepareCall,
    settings: Settings,
    outbox: Outbox,
    registry: Registry,
    *,
    now: Callable[[], float] = time.time,
    heartbeat: Callable[[int], None] = _nothing,
) -> Preparation:
    """Make a campaign ready, and keep it if `call.store` says so. Called again, it gives the same digest.

    `heartbeat` is told how many customers are done. Raises `UsageError` where the list of customers or the campaign to
    be corrected cannot be had, `RefusedError` where the campaign was approved before with another content, and what
    the stores raise. What can be corrected in the runbook, the notice or the settings is in `Preparation.problems`.
    """
    done, wanted = 0, True

    def progress(count: int) -> None:
        nonlocal done
        done = count
        if not wanted:
            raise _Unwanted

    work = asyncio.create_task(asyncio.to_thread(_prepared, call, settings, outbox, registry, (now(), progress)))
    try:
        while not (await asyncio.wait({work}, timeout=BEAT))[0]:
            heartbeat(done)
        return work.result()
    finally:
        # A thread cannot be cancelled: it is told, and ends soon. Until then it has the stores.
        wanted = False
        await asyncio.wait({work})


@dataclass(slots=True)
class _Counts:
    """What people are told of the customers."""

    customers: int = 0
    nobody: int = 0
    cohorts: Counter[str] = field(default_factory=Counter)
    channels: Counter[str] = field(default_factory=Counter)
    exposures: Counter[str] = field(default_factory=Counter)
    #: Those who are written to: what their letters can depend on.
    kinds: Counter[Kind] = field(default_factory=Counter)

    def add(self, one: Recipient, sent: tuple[tuple[Way, Rendered], ...]) -> None:
        """One more customer, and what it gets."""
        self.customers += 1
        self.nobody += not one.ways
        self.cohorts.update([one.cohort] if one.cohort else [])
        self.exposures.update([one.exposure])
        self.channels.update(way.channel for way, _ in sent)
        self.kinds.update([Kind.of(one)] if sent else [])


def _prepared(
    call: PrepareCall, settings: Settings, outbox: Outbox, registry: Registry, told: tuple[float, Progress]
) -> Preparation:
    now, progress = told
    try:
        notice = load_notice(call.spec.notice, call.spec.version, settings)
    except UsageError as error:
        return Preparation(digest="", customers=0, problems=(error.what,))
    trouble = Trouble(list(obstacles(call, notice, settings)))
    informational = notice.manifest.kind == "informational"
    refusals = Refusals(Unsubscribed(settings.unsubscribed_path), informational)
    earlier = _known(outbox, call.campaign)
    if earlier and earlier.flow in OVER:
        trouble.add("campaigns that are over", _over(earlier))
    row = _row(call, outbox, notice, earlier, now)
    composer = _composer(settings, row, trouble)
    if composer and not trouble.sentences:
        row = replace(row, extra={**row.extra, PROMISED: promised(settings, row.spec, composer)})
    cautions = Cautions(settings, call.spec)
    counts, digest = _Counts(), hashlib.sha256(_head(row))
    sharing = Sharing(merge=settings.customers.same_address == "merge")
    with Spool.open(settings.home) as spool:
        for one in recipients(call, outbox, registry, trouble, sharing=sharing, wanted=refusals.wanted):
            sent = _rendered(composer, one, _at_once(call, one), trouble)
            digest.update(spool.add(one, tuple((way, rendered.digest()) for way, rendered in sent)) + b"\n")
            counts.add(one, sent)
            cautions.add(one)
            if counts.customers % STRIDE == 0:
                progress(counts.customers)
        progress(counts.customers)
        row = replace(row, digest=digest.hexdigest(), customers=counts.customers)
        public = ""
        if composer and call.store and not trouble.sentences:
            public = _kept(settings, outbox, row, composer, spool, shared=sharing.told)
    shown, unshown = samples(composer, counts.kinds) if composer else ((), 0)
    return Preparation(
        digest=row.digest,
        customers=counts.customers,
        nobody=counts.nobody,
        unsubscribed=refusals.customers,
        cohorts=dict(counts.cohorts),
        channels=dict(counts.channels),
        exposures=dict(counts.exposures),
        samples=shown,
        unshown=unshown,
        problems=trouble.all(),
        warnings=cautions.sentences(outbox, row, now),
        notice=notice.sha256,
        public=sha256_hex(public.encode()) if public else "",
    )


def _over(earlier: CampaignRow) -> str:
    """The same incident was opened again: nobody gets the same twice, and nobody is asked to approve nothing."""
    ended = "was stopped for good" if earlier.flow is Flow.STOPPED else "has ended"
    return (
        f"The campaign {earlier.id} {ended}: nothing is sent under that name any more, nor where its incident is opened"
        f" again. `firedoor campaign show {earlier.id}` says who was told. Skip this step; or tell customers in a step"
        " of its own, with the next version of the notice (and `corrects`, to those who have this one)."
    )


def _row(call: PrepareCall, outbox: Outbox, notice: Notice, earlier: CampaignRow | None, now: float) -> CampaignRow:
    """The campaign, without its digest. Its dates are those of the first time that it was prepared on this day."""
    day = earlier.extra.get(PREPARED, 0) if earlier else 0
    if not (earlier and (earlier.flow is not Flow.PREPARED or now - day < DAY)):
        day = int(now)
    return CampaignRow(
        id=call.campaign,
        incident=call.incident,
        step=call.step,
        spec=call.spec,
        values=call.values,
        notice_sha256=notice.sha256,
        digest="",
        flow=Flow.PREPARED,
        drill=call.drill,
        corrects=corrected(call, outbox) if call.spec.corrects else "",
        extra={PREPARED: day, KEPT: notice.kept()},
    )


def _known(outbox: Outbox, campaign: str) -> CampaignRow | None:
    """The campaign, if it was prepared before."""
    try:
        return outbox.campaign(campaign)
    except UsageError:
        return None


def _composer(settings: Settings, row: CampaignRow, trouble: Trouble) -> Composer | None:
    try:
        return Composer(settings, row)
    except NoticeError as error:
        # The lint has mostly told it already, and more of it.
        if not trouble.sentences:
            trouble.add("mistakes", error.what)
        return None


def _head(row: CampaignRow) -> bytes:
    """What is the same for every reader."""
    said = {
        "campaign": row.id,
        "spec": row.spec.model_dump(mode="json"),
        "values": row.values,
        "notice": row.notice_sha256,
        "corrects": row.corrects,
        "drill": row.drill,
        "promised": row.extra.get(PROMISED, {}),
        "dates": row.extra[PREPARED],
    }
    return json.dumps(said, sort_keys=True).encode() + b"\n"


def _at_once(call: PrepareCall, one: Recipient) -> tuple[Way, ...]:
    """By which ways it is written to first. A correction goes wherever the notice went."""
    return one.ways if call.spec.corrects else first_ways(one.ways, every=call.spec.every)


def _rendered(
    composer: Composer | None, one: Recipient, ways: tuple[Way, ...], trouble: Trouble
) -> tuple[tuple[Way, Rendered], ...]:
    if composer is None:
        return ()
    try:
        return tuple((way, composer.compose(one, way)) for way in ways)
    except NoticeError as error:
        trouble.add("messages that cannot be written", f"For {one.customer}: {error.what}")
        return ()


def _kept(
    settings: Settings, outbox: Outbox, row: CampaignRow, composer: Composer, spool: Spool, *, shared: dict[str, str]
) -> str:
    """Store it, unless it stands there already; the public copy."""
    known = _known(outbox, row.id)
    if known and known.digest == row.digest:
        return str(known.extra.get(PUBLIC, ""))
    signer = create_signer(settings.signing_key_path, settings.log)
    copy = public_copy(settings, row, composer, signer, row.extra[PREPARED])
    extra = {**row.extra, PUBLIC: copy}
    outbox.prepare(replace(row, extra=extra), spool.recipients(), spool.messages(row.spec.version), shared)
    return copy
