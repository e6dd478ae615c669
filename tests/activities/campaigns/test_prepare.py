"""A campaign is made ready: who gets what, by which way, and what keeps it from being sent."""

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from activities.campaigns.prepare import prepare
from firedoor.campaign import MessageState, Preparation, PrepareCall, Remaining
from firedoor.config import Settings
from firedoor.customers.model import Affected, Contact, Customer, Dependency
from firedoor.customers.registry import Registry
from firedoor.customers.unsubscribed import Unsubscribed
from firedoor.errors import RefusedError, UsageError
from firedoor.notices.composing import DAY, PUBLIC, Composer
from firedoor.notices.folder import shipped
from firedoor.outbox.feedback import Feedback
from firedoor.outbox.merged import merged as shared
from firedoor.outbox.store import Outbox
from firedoor.plan import Campaign, Cohort
from firedoor.timeline.checkpoint import Verifier

NOW = 1_777_939_200.0
CAMPAIGN = "breach-1.notify"
KEY = Dependency(provider="openai", kind="user_key", name="PROD", id="key_canary0001")
VALUES = {"happened": "It happened.", "since": "4 May"}
COHORTS = (
    Cohort(name="confirmed", when='customer.exposure == "confirmed"'),
    Cohort(name="many", when='customer.credentials > 1 && "openai" in customer.providers'),
)


def contact(address: str, role: str = "security", channel: str = "email", name: str = "") -> Contact:
    """A way to somebody."""
    return Contact.model_validate({"role": role, "channel": channel, "address": address, "name": name})


def customer(id: str, *contacts: Contact, **others: Any) -> Customer:
    """A customer of the registry, with one key."""
    ways = contacts or (contact(f"security@{id}.example", name="Ada"),)
    known = {"id": id, "name": f"{id.title()} Inc.", "contacts": ways, "credentials": (KEY,)}
    return Customer.model_validate(known | others)


@dataclass(frozen=True)
class Bench:
    """The stores and the settings of an installation that can send."""

    settings: Settings
    outbox: Outbox
    registry: Registry

    def hold(self, *customers: Customer, exposure: str = "confirmed") -> dict[str, Any]:
        """Put customers into the registry; all of them as an audience."""
        self.registry.replace(customers, source="test", by="user:ada", anyway=True)
        found = [Affected(customer=one.id, exposure=exposure, credentials=one.credentials) for one in customers]
        return self.registry.keep_audience(found).model_dump()

    def prepare(self, to: Any, *, now: float = NOW, **changed: Any) -> Preparation:
        """Prepare a campaign to them."""
        spec = Campaign.model_validate({"notice": "provider-keys-exposed", **changed.pop("spec", {})})
        known = {"campaign": CAMPAIGN, "incident": "breach-1", "step": "notify", "values": VALUES}
        settings = changed.pop("settings", self.settings)
        call = PrepareCall.model_validate(known | changed | {"spec": spec, "to": to})
        return asyncio.run(prepare(call, settings, self.outbox, self.registry, now=lambda: now))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An installation that can send by mail and Slack, and sends nothing."""
    settings = Settings.model_validate(
        {
            "home": tmp_path / "home",
            "server": {"public_url": "https://notices.beacon.example"},
            "mail": {"transport": "smtp", "host": "127.0.0.1", "sender": "Beacon <security@beacon.example>"},
            "slack": {"bot_token": "env:FIREDOOR_SECRET_SLACK"},
            "notices": {"company": "Beacon AI", "support": "help@beacon.example"},
        }
    )
    settings.home.mkdir()
    with Outbox.open(settings.outbox_path) as outbox, Registry.open(settings.customers_path) as registry:
        yield Bench(settings, outbox, registry)


def test_everybody_gets_one_message_by_the_first_way(bench: Bench) -> None:
    """The security contact by the first channel that there is; the other ways are kept for later."""
    chat = contact("C0CANARY", "admin", "slack")
    to = bench.hold(
        customer("acme", contact("admin@acme.example", "admin"), contact("security@acme.example")),
        customer("beta", contact("security@beta.example"), chat),
    )
    made = bench.prepare(to, spec={"channels": ["slack", "email"]})
    assert made.problems == ()
    assert (made.customers, made.channels, made.exposures) == (2, {"email": 1, "slack": 1}, {"confirmed": 2})
    assert [(one.customer, one.contact, one.channel, one.address) for one in bench.outbox.messages(CAMPAIGN)] == [
        ("acme", "security", "email", "security@acme.example"),
        ("beta", "admin", "slack", "C0CANARY"),
    ]
    assert [way.address for way in bench.outbox.recipient(CAMPAIGN, "acme").ways] == [
        "security@acme.example",
        "admin@acme.example",
    ]


def test_every_channel_gets_its_message(bench: Bench) -> None:
    """`channels: all`: the first contact of each."""
    to = bench.hold(
        customer("acme", contact("a@acme.example"), contact("b@acme.example"), contact("C0CANARY", "owner", "slack"))
    )
    bench.prepare(to, spec={"channels": ["slack", "email"], "every": True})
    assert [one.address for one in bench.outbox.messages(CAMPAIGN)] == ["C0CANARY", "a@acme.example"]


def test_content_is_what_the_sender_renders(bench: Bench) -> None:
    """The digest that is kept of a message is that of the message as it will be rendered again."""
    bench.prepare(bench.hold(customer("acme")))
    row, one = bench.outbox.campaign(CAMPAIGN), bench.outbox.recipient(CAMPAIGN, "acme")
    (message,) = bench.outbox.messages(CAMPAIGN)
    assert message.content == Composer(bench.settings, row).compose(one, one.ways[0]).digest()


def test_whoever_approves_reads_every_word(bench: Bench) -> None:
    """A letter for each language and cohort, that of the most first; of its readers no more than the record may keep."""
    german = [customer(f"a-{number}", language="de") for number in range(2)]
    english = [customer(f"b-{number}") for number in range(3)]
    made = bench.prepare(bench.hold(*german, *english))
    assert [one.to for one in made.samples] == ["3 customers (confirmed, en)", "2 customers (confirmed, de)"]
    first, second = made.samples
    assert first.subject == "Security notice from Beacon AI: replace 1 key"
    assert "It happened." in first.text
    assert second.subject.startswith("Sicherheitsmeldung")
    assert made.unshown == 0
    assert not re.search("a-1|b-1|/n/", "".join(one.text for one in made.samples))


def test_letters_that_are_not_shown_are_counted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody approves words that they have not seen and do not know of. Kinds with the same words are one letter."""
    monkeypatch.setattr("activities.campaigns.samples.MOST_LETTERS", 1)
    german = [customer(f"a-{number}", language="de") for number in range(2)]
    english = [customer(f"b-{number}", language=language) for number, language in enumerate(("en", "en", "en-GB"))]
    made = bench.prepare(bench.hold(*german, *english))
    assert [one.to for one in made.samples] == ["3 customers (confirmed, en; confirmed, en-GB)"]
    assert made.unshown == 2


def test_same_is_prepared_to_the_same_digest(bench: Bench) -> None:
    """Hours later, too: what was approved is still that, and its dates as well."""
    to = bench.hold(customer("acme"))
    first, second = (bench.prepare(to, now=now, spec={"escalates": 4 * DAY}) for now in (NOW, NOW + DAY - 1))
    assert (first.digest, first.public) == (second.digest, second.public)
    assert bench.prepare(to, now=NOW + DAY, spec={"escalates": 4 * DAY}).digest != first.digest


@pytest.mark.parametrize(
    "changed",
    [
        {"values": VALUES | {"happened": "Something else happened."}},
        {"spec": {"canary": 10}},
        {"spec": {"notice": "secret-disabled"}, "values": {"disabled": "All of it."}},
        {"drill": True},
    ],
)
def test_digest_is_of_all_that_is_sent(changed: dict[str, Any], bench: Bench) -> None:
    """Other words, another way to send them, another notice: another digest."""
    to = bench.hold(customer("acme"))
    assert bench.prepare(to).digest != bench.prepare(to, **changed).digest


def test_digest_is_of_everybody_and_every_address(bench: Bench) -> None:
    """One more customer, another address to fall back on, another key: another digest."""
    digests = {
        bench.prepare(bench.hold(*customers)).digest
        for customers in (
            [customer("acme")],
            [customer("acme"), customer("beta")],
            [customer("acme", contact("security@acme.example", name="Ada"), contact("b@acme.example", "owner"))],
            [customer("acme", credentials=(KEY, KEY.model_copy(update={"id": "key_canary0002"})))],
        )
    }
    assert len(digests) == 4


def test_digest_is_of_who_signs(bench: Bench) -> None:
    """Another place to ask: another message."""
    to = bench.hold(customer("acme"))
    notices = bench.settings.notices.model_copy(update={"support": "other@beacon.example"})
    other = bench.settings.model_copy(update={"notices": notices})
    assert bench.prepare(to).digest != bench.prepare(to, settings=other).digest


def test_plan_mode_keeps_nothing(bench: Bench) -> None:
    """A plan shows the same and stores nothing."""
    to = bench.hold(customer("acme"))
    made = bench.prepare(to, store=False)
    assert (made.customers, made.public, made.problems) == (1, "", ())
    assert bench.outbox.campaigns() == []
    assert not bench.settings.signing_key_path.exists()


def test_public_copy_is_signed_and_kept(bench: Bench) -> None:
    """The copy that anybody can check is made with the campaign, and its hash is what people approve with."""
    made = bench.prepare(bench.hold(customer("acme")))
    copy = bench.outbox.campaign(CAMPAIGN).extra[PUBLIC]
    key = Verifier.parse(bench.settings.signing_key_path.with_name("timeline.key.pub").read_text())
    assert f"— {key.name} " in copy
    assert "acme" not in copy.lower()
    assert len(made.public) == len(made.notice) == 64


def test_first_cohort_that_fits_is_the_customers(bench: Bench) -> None:
    """Cohorts are told in their order; who is in none is not told, and that is said."""
    many = (KEY, KEY.model_copy(update={"id": "key_canary0002"}))
    to = bench.hold(customer("acme"), customer("beta", credentials=many), exposure="possible")
    made = bench.prepare(to, spec={"cohorts": COHORTS})
    assert made.cohorts == {"many": 1}
    assert made.problems == ("acme is in none of the cohorts: it would not be told.",)
    made = bench.prepare(to, spec={"cohorts": (*COHORTS, Cohort(name="rest", when="true"))})
    assert (made.cohorts, made.problems) == ({"rest": 1, "many": 1}, ())


def test_cohort_that_cannot_be_judged_is_said(bench: Bench) -> None:
    """An expression that fails for a customer tells nobody by mistake."""
    made = bench.prepare(
        bench.hold(customer("acme")), spec={"cohorts": (Cohort(name="a", when="customer.nobody == 1"),)}
    )
    assert made.problems[0].startswith("The cohort a, for acme: `customer.nobody == 1`")


def test_many_of_the_same_trouble_are_counted(bench: Bench) -> None:
    """Five are named, the rest is a number."""
    to = bench.hold(*(customer(f"c{number}") for number in range(8)))
    made = bench.prepare(to, spec={"cohorts": (Cohort(name="none", when="false"),)})
    assert len(made.problems) == 6
    assert made.problems[-1] == "… and 3 more customers in no cohort."


def test_customer_without_a_way_is_a_task(bench: Bench) -> None:
    """Nobody to write to, by no channel of the campaign, or unknown to the registry: a person has to see to it."""
    to = bench.hold(customer("acme", contact("C0CANARY", channel="slack")), customer("beta"))
    unknown = Affected(customer="gone", exposure="likely", credentials=(KEY,))
    found = [*bench.registry.audience(to["list"]), unknown]
    made = bench.prepare(bench.registry.keep_audience(found).model_dump())
    assert (made.customers, made.nobody, made.problems) == (3, 2, ())
    assert {one.customer: one.task for one in bench.outbox.tasks(CAMPAIGN)} == {
        "acme": "It has no contact for email: somebody has to reach it another way.",
        "gone": "The registry of customers does not know it: there is nobody to write to.",
    }


def test_names_are_a_list_too(bench: Bench) -> None:
    """Customers may be named; each once, about all of its credentials."""
    bench.hold(customer("acme"), customer("beta"))
    made = bench.prepare(["beta", "acme", "beta"])
    assert [one.customer for one in bench.outbox.recipients(CAMPAIGN)] == ["beta", "acme"]
    assert made.exposures == {"possible": 2}


def test_what_remains_of_another_campaign_is_a_list_too(bench: Bench) -> None:
    """Each customer is told of what it has not replaced, and of nothing else."""
    bench.hold(customer("acme", credentials=(KEY, KEY.model_copy(update={"id": "key_canary0002"}))), customer("beta"))
    left = Remaining(
        customer="acme", provider="openai", id="key_canary0002", name="LEFT", where="braintrust:ai_secret/A"
    )
    made = bench.prepare([left.model_dump()], spec={"until": "customer.remediated"})
    assert (made.customers, made.problems) == (1, ())
    assert [one.partition(",")[0] for one in made.warnings] == ["1 credential lies at braintrust"]
    (key,) = bench.outbox.recipient(CAMPAIGN, "acme").credentials
    assert (key.id, key.name, key.store) == ("key_canary0002", "LEFT", "braintrust:ai_secret/A")


@pytest.mark.parametrize("to", ["acme", 7, [1], {"count": 1}, None])
def test_what_is_no_list_is_refused(to: Any, bench: Bench) -> None:
    """A value that names nobody in particular is a mistake in the runbook."""
    with pytest.raises(UsageError, match="no list of customers"):
        bench.prepare(to)


def test_same_address_of_two_customers(bench: Bench) -> None:
    """A message for each; or, where the settings say so, one that names both and is about the keys of both."""
    other = KEY.model_copy(update={"id": "key_canary0002", "name": "OTHER"})
    agency = contact("team@agency.example", name="Kim")
    to = bench.hold(
        customer("acme", agency, contact("owner@acme.example", "owner")),
        customer("beta", agency, contact("owner@beta.example", "owner"), credentials=(other,)),
        customer("gamma"),
    )
    assert bench.prepare(to).channels == {"email": 3}
    customers = bench.settings.customers.model_copy(update={"same_address": "merge"})
    merged = bench.settings.model_copy(update={"customers": customers})
    assert bench.prepare(to, settings=merged).channels == {"email": 2}
    both = bench.outbox.recipient(CAMPAIGN, "acme")
    assert both.name == "Acme Inc., Beta Inc."
    assert [one.name for one in both.credentials] == ["PROD", "OTHER"]
    assert [way.address for way in both.ways] == ["team@agency.example"], "nobody else at acme learns of beta"
    assert bench.outbox.look(shared, CAMPAIGN) == {"beta": "acme"}


def test_whose_message_it_is_as_well_stays_known(bench: Bench) -> None:
    """For a correction too, which goes to whoever got the notice; and prepared for each again, nobody shares any more."""
    agency = contact("team@agency.example", name="Kim")
    to = bench.hold(customer("acme", agency), customer("beta", agency), customer("delta", agency))
    policy = bench.settings.customers.model_copy(update={"same_address": "merge"})
    settings = bench.settings.model_copy(update={"customers": policy})
    bench.prepare(to, settings=settings)
    bench.prepare(to)
    assert bench.outbox.look(shared, CAMPAIGN) == {}
    digest = bench.prepare(to, settings=settings).digest
    bench.outbox.approve(CAMPAIGN, digest, "user:ada", NOW)
    carry(bench, MessageState.SENT)
    spec = {"version": 2, "corrects": "notify"}
    values = {"corrected": "It was 3 May."}
    bench.prepare([], campaign="breach-1.correct", step="correct", values=values, spec=spec)
    assert bench.outbox.look(shared, "breach-1.correct") == {"beta": "acme", "delta": "acme"}


def carry(bench: Bench, *states: MessageState) -> None:
    """The first messages are on their way, and then told of."""
    messages = bench.outbox.messages(CAMPAIGN)[: len(states)]
    bench.outbox.change(_begun, [one.id for one in messages])
    for message, state in zip(messages, states, strict=True):
        bench.outbox.event(Feedback(key=message.key, state=state), NOW)


def _begun(database: sqlite3.Connection, ids: Sequence[int]) -> None:
    database.execute("INSERT INTO intent (number, campaign, entry) VALUES (1, 1, 'canary')")
    for id in ids:
        database.execute("UPDATE message SET intent = 1 WHERE id = ?", (id,))
        database.execute("UPDATE message SET state = 'sending' WHERE id = ?", (id,))


def test_correction_goes_to_those_who_got_the_notice(bench: Bench) -> None:
    """By the same contact and channel; who was not reached, or joined since, gets none."""
    to = bench.hold(customer("acme"), customer("beta"), customer("gamma"))
    digest = bench.prepare(to).digest
    bench.outbox.approve(CAMPAIGN, digest, "user:ada", NOW)
    carry(bench, MessageState.SENT, MessageState.BOUNCED)
    got = [one for one in bench.outbox.messages(CAMPAIGN) if one.state is MessageState.SENT]
    assert [one.customer for one in got] == ["acme"]
    made = bench.prepare(
        [],
        campaign="breach-1.correct",
        step="correct",
        values={"corrected": "It was 3 May."},
        spec={"version": 2, "corrects": "notify"},
    )
    assert made.problems == ()
    told = bench.outbox.messages("breach-1.correct")
    assert [(one.customer, one.contact, one.address, one.version) for one in told] == [
        (one.customer, one.contact, one.address, 2) for one in got
    ]
    assert bench.outbox.campaign("breach-1.correct").corrects == CAMPAIGN


@pytest.mark.parametrize("kind", ["security", "informational"])
@pytest.mark.parametrize("policy", ["each", "merge"])
def test_whoever_unsubscribed_gets_no_informational_notice(
    bench: Bench, tmp_path: Path, kind: str, policy: str
) -> None:
    """Another address of it is taken; without any it is left out and counted. A security notice everybody gets."""
    unsubscribed = Unsubscribed(bench.settings.unsubscribed_path)
    unsubscribed.add(("acme", "email", "security@acme.example"), NOW)
    unsubscribed.add(("beta", "email", "security@beta.example"), NOW)
    unsubscribed.add(("gamma", "email", "security@beta.example"), NOW)
    shutil.copytree(shipped() / "provider-keys-exposed", tmp_path / "own" / "news")
    manifest = tmp_path / "own" / "news" / "notice.toml"
    manifest.write_text(f'kind = "{kind}"\n{manifest.read_text().replace("kind =", "# kind =")}')
    changed = {
        "notices": bench.settings.notices.model_copy(update={"folder": str(tmp_path / "own")}),
        "customers": bench.settings.customers.model_copy(update={"same_address": policy}),
    }
    ways = (contact("security@acme.example"), contact("owner@acme.example", "owner"))
    to = bench.hold(customer("acme", *ways), customer("beta"), customer("gamma"))
    made = bench.prepare(to, settings=bench.settings.model_copy(update=changed), spec={"notice": "news"})
    sent = {one.customer: one.address for one in bench.outbox.messages(CAMPAIGN)}
    assert made.problems == ()
    if kind == "security":
        assert (len(sent), made.unsubscribed) == (3, 0)
        return
    assert sent == {"acme": "owner@acme.example", "gamma": "security@gamma.example"}
    assert (made.customers, made.unsubscribed, made.nobody) == (2, 1, 0)


def test_correction_of_nothing_is_refused(bench: Bench) -> None:
    """A campaign that is not there cannot be corrected."""
    with pytest.raises(UsageError, match="no campaign 'notfy' to correct"):
        bench.prepare([], spec={"version": 2, "corrects": "notfy"})


def test_approved_campaign_is_not_prepared_anew(bench: Bench) -> None:
    """What people have approved is not replaced by anything else."""
    to = bench.hold(customer("acme"))
    digest = bench.prepare(to).digest
    bench.outbox.approve(CAMPAIGN, digest, "user:ada", NOW)
    assert bench.prepare(to, now=NOW + 10 * DAY).digest == digest
    with pytest.raises(RefusedError, match="approved with another content"):
        bench.prepare(to, values=VALUES | {"happened": "Else."})


def test_what_is_lacking_is_said_at_once(tmp_path: Path, bench: Bench) -> None:
    """Settings, values, the notice: all that is wrong, in sentences that say what to do; and nothing is kept."""
    to = bench.hold(customer("acme"))
    bare = Settings(home=tmp_path / "home")
    values = {"happened": "sk-proj-canary0123456789abcdefgh", "whatever": "x"}
    made = bench.prepare(to, settings=bare, values=values, spec={"version": 2, "channels": ["slack", "email"]})
    for words in ("[mail]", "[slack]", "public_url", "company", "needs corrected", "no variable whatever", "sk-pro…"):
        assert any(words in one for one in made.problems), words
    assert any("For acme: " in one for one in made.problems)
    assert bench.outbox.campaigns() == []


def test_notice_that_is_not_there_is_said(bench: Bench) -> None:
    """A name that is wrong is a problem, with the right one."""
    made = bench.prepare(bench.hold(customer("acme")), spec={"notice": "provider-key"})
    assert made.problems == ("There is no notice 'provider-key'.",)


def test_notice_with_mistakes_is_not_sent(bench: Bench, tmp_path: Path) -> None:
    """The lint's mistakes are problems, with file and line."""
    folder = tmp_path / "own" / "broken" / "en"
    folder.mkdir(parents=True)
    (folder.parent / "notice.toml").write_text('title = "t"\n')
    (folder / "body.txt").write_text("{{ costumer }}")
    notices = bench.settings.notices.model_copy(update={"folder": str(tmp_path / "own")})
    own = bench.settings.model_copy(update={"notices": notices})
    made = bench.prepare(bench.hold(customer("acme")), settings=own, spec={"notice": "broken"}, values={})
    assert any("broken/en/body.txt:1: There is no variable costumer" in one for one in made.problems)


async def test_signs_of_life_and_the_end_of_waiting(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it works it says how far it is; when nobody waits any more it ends, and keeps nothing."""
    monkeypatch.setattr("activities.campaigns.prepare.BEAT", 0.001)
    monkeypatch.setattr("activities.campaigns.prepare.STRIDE", 1)
    to = bench.hold(*(customer(f"c{number}") for number in range(300)))
    call = PrepareCall(
        campaign=CAMPAIGN,
        incident="breach-1",
        step="notify",
        values=VALUES,
        spec=Campaign(notice="provider-keys-exposed"),
        to=to,
    )
    begun = asyncio.Event()

    def beat(count: int) -> None:
        if count:
            begun.set()

    work = asyncio.create_task(
        prepare(call, bench.settings, bench.outbox, bench.registry, now=lambda: NOW, heartbeat=beat)
    )
    await begun.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert bench.outbox.campaigns() == []
