"""`firedoor doctor` of campaigns: customers, notices, ways and pages, and what waits for a person."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firedoor.campaign import MessageState
from firedoor.cli.outreach import outreach
from firedoor.config import Settings
from firedoor.customers.model import Contact, Customer
from firedoor.customers.registry import Registry
from firedoor.outbox.store import Outbox
from firedoor.plan import Campaign, Plan, PlannedStep
from tests.campaigning import CAMPAIGN, PREPARED, campaign, recipient


def plan(**changed: Any) -> Plan:
    """A runbook that tells customers."""
    spec = Campaign.model_validate({"notice": "provider-keys-exposed", "channels": ("slack", "email")} | changed)
    step = PlannedStep.model_construct(id="notify", campaign=spec)
    return Plan.model_construct(name="breached", steps=(step,))


def installation(home: Path, **changed: Any) -> Settings:
    """Settings with which campaigns can be sent."""
    given = {
        "home": home,
        "server": {"public_url": "https://notices.beacon.example"},
        "mail": {"transport": "smtp", "host": "127.0.0.1", "sender": "security@beacon.example"},
        "slack": {"bot_token": "env:FIREDOOR_SECRET_SLACK"},
        "notices": {"company": "Beacon AI"},
    }
    return Settings.model_validate(given | changed)


def told(settings: Settings, *plans: Plan) -> dict[str, tuple[str, str]]:
    """Subject → level and what is said."""
    return {one.subject: (one.level, one.says) for one in outreach(settings, plans)}


def hold(settings: Settings, *customers: Customer) -> None:
    """Import customers."""
    with Registry.open(settings.customers_path) as registry:
        registry.replace(customers, source="test", by="user:ada", anyway=True)


ADA = Contact.model_validate({"role": "security", "channel": "email", "address": "ada@acme.example"})


def test_where_nobody_is_told_nothing_is_said(tmp_path: Path) -> None:
    """Firedoor is of use without customers, too."""
    assert told(Settings(home=tmp_path), Plan.model_construct(name="x", steps=())) == {}
    assert list(tmp_path.iterdir()) == []


def test_what_is_ready(tmp_path: Path) -> None:
    """Each part says that it is there."""
    settings = installation(tmp_path)
    hold(settings, Customer(id="acme", contacts=(ADA,)))
    assert told(settings, plan()) == {
        "customers": ("ok", "1 customer, last changed today by an import"),
        "customer notices": ("ok", "no mistake in provider-keys-exposed"),
        "[server] public_url": ("ok", "customers acknowledge at https://notices.beacon.example"),
    }


def test_what_is_lacking(tmp_path: Path) -> None:
    """Customers, ways, pages, a name to sign with: each is told before the night on which it is needed."""
    found = told(Settings(home=tmp_path), plan())
    assert {subject: level for subject, (level, _) in found.items() if subject != "customer notices"} == dict.fromkeys(
        ("customers", "[mail]", "[slack]", "[notices] company", "[server] public_url"), "warn"
    )
    with Registry.open(tmp_path / "customers.sqlite"):
        assert told(Settings(home=tmp_path))["customers"][1] == "none are imported: a campaign would reach nobody"
    plain = installation(tmp_path, server={"public_url": "http://notices.beacon.example"})
    assert "is not encrypted" in told(plain, plan())["[server] public_url"][1]


def test_customers_that_are_old_or_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no contact is counted; a list that nobody has changed for a month is hardly imported."""
    settings = installation(tmp_path)
    hold(settings, Customer(id="acme", contacts=(ADA,)), Customer(id="globex"))
    level, says = told(settings)["customers"]
    assert (level, says.rpartition("; ")[2]) == (
        "warn",
        "1 customer of them without a contact: each will be a task for a person",
    )
    hold(settings, Customer(id="acme", contacts=(ADA,)))
    monkeypatch.setattr("firedoor.cli.outreach.OLD", -1)
    assert told(settings)["customers"][1].endswith("who has come since is not told")
    settings.customers_path.write_bytes(b"no database" * 100)
    assert told(settings)["customers"][0] == "fail"


def test_notices_that_cannot_be_sent(tmp_path: Path) -> None:
    """One that is not there, and one with a mistake; the runbook that needs it is named."""
    folder = tmp_path / "own" / "broken" / "en"
    folder.mkdir(parents=True)
    (folder.parent / "notice.toml").write_text('title = "t"\n')
    (folder / "body.txt").write_text("{{ costumer }}")
    settings = installation(tmp_path, notices={"company": "Beacon AI", "folder": str(tmp_path / "own")})
    found = told(settings, plan(notice="nowhere"), plan(notice="broken"))
    assert found["notice nowhere"] == ("fail", "There is no notice 'nowhere'. breached tells customers with it.")
    assert found["notice broken"][0] == "fail"
    assert "mistakes; the first: " in found["notice broken"][1]


def test_what_waits_for_a_person(tmp_path: Path) -> None:
    """Messages in doubt, customers that nothing has reached; an outbox that cannot be read is a failure."""
    settings = installation(tmp_path)
    campaign(settings.outbox_path, [recipient("acme")])
    assert told(settings)["campaigns"] == ("ok", "1 campaign open; none needs a person")
    lonely = replace(recipient("globex"), ways=())
    with Outbox.open(settings.outbox_path) as outbox:
        row = replace(outbox.campaign(CAMPAIGN), id="other.notify", incident="other", digest="f" * 64)
        outbox.prepare(row, [lonely], [])
        outbox.approve("other.notify", "f" * 64, "user:ada", PREPARED)
        outbox._database.execute("INSERT INTO intent (campaign, entry) VALUES (1, 'x')")
        for state in (MessageState.SENDING, MessageState.IN_DOUBT):
            outbox._database.execute("UPDATE message SET intent = 1, state = ?", (state.value,))
    found = told(settings)
    assert found[f"campaign {CAMPAIGN}"] == ("warn", "1 message in doubt")
    assert found["campaign other.notify"] == ("warn", "1 customer for a person to see to")
    assert "campaigns" not in found
    settings.outbox_path.write_bytes(b"no database" * 100)
    assert told(settings)["campaigns"][0] == "fail"
