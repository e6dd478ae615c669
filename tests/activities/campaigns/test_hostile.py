"""What could leave that nobody has approved: each of these once worked, or could have."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities._clients import Clients
from activities.campaigns.activities import CampaignActivities, Stores
from firedoor.campaign import Flow, Standing, Work
from firedoor.config import Settings
from firedoor.errors import RefusedError, UsageError
from firedoor.notices import composing
from firedoor.timeline.store import Timeline
from tests.activities.campaigns.test_prepare import CAMPAIGN, NOW, VALUES, Bench, bench, contact, customer
from tests.sending import Post, desk, people

__all__ = ["bench"]


def sent(bench: Bench, settings: Settings, digest: str, upto: int = 0) -> Standing:
    """What becomes of the work of sending, as a worker with these settings does it. Nobody's mail server listens."""
    timeline = Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log)
    try:
        ours = CampaignActivities(settings, Clients(settings), Stores(settings, timeline))
        work = Work(campaign=CAMPAIGN, incident="breach-1", step="notify", digest=digest, upto=upto)
        standing: Standing = asyncio.run(ActivityEnvironment().run(ours.send, work))
        return standing
    finally:
        timeline.close()


def changed(settings: Settings, section: str, **fields: Any) -> Settings:
    """The same settings but for some."""
    return settings.model_copy(update={section: getattr(settings, section).model_copy(update=fields)})


OTHERS: list[tuple[str, dict[str, Any], str]] = [
    ("mail", {"sender": "Beacon <news@beacon.example>"}, "sender of [mail]"),
    ("mail", {"reply_to": "eve@evil.example"}, "reply_to of [mail]"),
    ("notices", {"company": "Bacon AI"}, "company of [notices], the texts themselves"),
    ("notices", {"support": "https://evil.example"}, "support of [notices], the texts themselves"),
    ("notices", {"link_days": 3}, "link_days of [notices]"),
    ("server", {"public_url": "https://evil.example"}, "public_url of [server]"),
]


def test_who_writes_and_where_links_lead_is_approved_too(bench: Bench) -> None:
    """Also for what is rendered only later, reminders and other ways: nothing begins with other settings."""
    made = bench.prepare(bench.hold(customer("acme")), spec={"channels": ["email"]})
    bench.outbox.approve(CAMPAIGN, made.digest, "user:lea", NOW)
    for section, fields, named in OTHERS:
        with pytest.raises(ApplicationError) as refused:
            sent(bench, changed(bench.settings, section, **fields), made.digest)
        assert refused.value.non_retryable
        assert f": {named} changed since." in refused.value.message
    assert bench.outbox.messages(CAMPAIGN)[0].attempts == 0


def test_another_firedoor_writes_nothing_else(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade that says other words for a date is found before a reminder says them."""
    made = bench.prepare(bench.hold(customer("acme")), spec={"channels": ["email"], "remind": [60]})
    bench.outbox.approve(CAMPAIGN, made.digest, "user:lea", NOW)
    assert sent(bench, bench.settings, made.digest).written == 0  # nothing was asked for: up to no customer
    monkeypatch.setattr(composing, "date", lambda _: "some day")
    with pytest.raises(ApplicationError, match="the texts themselves changed since"):
        sent(bench, bench.settings, made.digest)


def test_nothing_is_sent_that_was_only_prepared(bench: Bench) -> None:
    """Neither by work that asks for it, nor by who resumes it, nor with the digest of something else."""
    made = bench.prepare(bench.hold(customer("acme")), spec={"channels": ["email"]})
    for flow in (Flow.RUNNING, Flow.PAUSED, Flow.HALTED, Flow.ENDED):
        with pytest.raises(RefusedError):
            bench.outbox.steer(CAMPAIGN, flow, "user:eve", "", NOW)
    with pytest.raises(RefusedError):
        bench.outbox.approve(CAMPAIGN, "f" * 64, "user:eve", NOW)
    assert sent(bench, bench.settings, made.digest, upto=9).messages == {"queued": 1}
    with pytest.raises(ApplicationError, match="not what was approved"):
        sent(bench, bench.settings, "f" * 64)
    assert bench.outbox.messages(CAMPAIGN)[0].attempts == 0


def test_a_value_from_an_alert_is_no_trap(bench: Bench) -> None:
    """Values come from outside, and are sent to everybody: what no text of a notice may hold they may not either."""
    tricks: list[tuple[Any, str]] = [
        ("Act now: https://acme-login.example/sign-in?next=x", "leads to a log-in"),
        ("See http://status.beacon.example", "is not https"),
        ("Key sk-proj-canary0123456789abcdefgh", "looks like a secret"),
        ({"en": "https://evil.example/sso"}, "leads to a log-in"),
    ]
    to = bench.hold(customer("acme"))
    for value, sentence in tricks:
        made = bench.prepare(to, values={**VALUES, "happened": value})
        assert [one for one in made.problems if sentence in one], value


def test_nobody_is_named_where_problems_are_kept(bench: Bench) -> None:
    """They go into the timeline, out of which nothing can be erased: neither names nor addresses."""
    to = bench.hold(customer("acme", contact("ada.canary@acme.example", name="Ada Canary"), name="Canary Inc."))
    cohorts = [{"name": "none", "when": 'customer.exposure == "likely"'}]
    made = bench.prepare(to, spec={"cohorts": cohorts, "channels": ["email"]})
    assert made.problems
    assert "anary" not in made.model_dump_json()


def test_a_list_that_is_none_is_refused_without_its_values(bench: Bench) -> None:
    """A failure is readable in Temporal, where payloads are not: no value of a customer stands in it."""
    lists: list[Any] = [[{"customer": "canary"}], [{"customer": "acme", "provider": 7}], [["acme"]], "acme", 7, {}]
    for to in lists:
        with pytest.raises(UsageError) as refused:
            bench.prepare(to)
        assert "canary" not in str(refused.value)


async def test_a_row_that_somebody_has_changed_goes_nowhere(tmp_path: Path) -> None:
    """The address is no part of the message: it has to be one of those that were approved."""
    with desk(tmp_path) as store:
        store.prepare(people(3))
        store.outbox.change(lambda database: database.execute("UPDATE message SET address = 'eve@evil.example'"))
        post = Post()
        standing = await store.send({"email": post})
    assert (standing.flow, post.at) == (Flow.HALTED, [])
    assert "an address that nobody has approved" in standing.reason
    assert "evil" not in standing.reason
