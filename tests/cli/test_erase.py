"""`firedoor erase`, as a person uses it: held, refused, done, and seen in an export."""

import json
from pathlib import Path

import pytest

from firedoor.config import load
from firedoor.customers.model import Customer
from firedoor.customers.registry import Registry
from firedoor.customers.unsubscribed import Unsubscribed
from firedoor.timeline.disclosures import Disclosures
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.store import Timeline
from tests.campaigning import CAMPAIGN, campaign, recipient
from tests.cli.conftest import Cli

WHY = ("--reason", "GDPR Art. 17")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which one customer was told of an incident."""
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path / "home"))
    settings = load()
    with (
        Disclosures.open(settings.disclosures_path) as disclosures,
        Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline,
    ):
        body = {"actor": {"kind": "system"}, "_sd": disclosures.seal("acme", [("to", "security@acme.example")])}
        timeline.append([Draft(Kind.NOTIFICATION_OUTCOME, "inc-1", "told", body)])
    return tmp_path


@pytest.mark.usefixtures("home")
def test_a_hold_forbids_it(cli: Cli) -> None:
    """Put on hold, refused, listed, released."""
    assert "Nothing is on hold." in cli("erase").out
    assert "is on hold" in cli("erase", "acme", "--hold", "--reason", "litigation 4711").out
    refused = cli("erase", "acme", *WHY, "--yes")
    assert refused.code == 5
    assert "litigation 4711" in refused.err
    assert "litigation 4711" in cli("erase").out
    assert json.loads(cli("erase", "-o", "json").out)[0]["subject"] == "acme"
    assert "has ended" in cli("erase", "acme", "--release", "--reason", "settled").out
    assert "There was no hold" in cli("erase", "acme", "--release", "--reason", "settled").out
    with Timeline.read(load().timeline_path) as timeline:
        told = [one.entry for one in timeline.entries("")]
    assert [one.body["say"] for one in told] == [
        "A legal hold on a customer was set: litigation 4711",
        "A legal hold on a customer was ended: settled",
    ]
    assert not any(b"acme" in one.data for one in told)
    assert told[0].part("actor")["kind"] == "human"
    assert json.loads(cli("erase", "acme", *WHY, "--yes", "-o", "json").out)["values"] == 3
    with Timeline.read(load().timeline_path) as timeline:
        last = timeline.entries("")[-1].entry
    assert (last.kind, len(last.body["digests"])) == (Kind.REDACTION, 2)


@pytest.mark.usefixtures("home")
def test_a_hold_on_everything_is_recorded(cli: Cli) -> None:
    """It says so, and has nobody to hide."""
    cli("erase", "*", "--hold", "--reason", "the regulator has asked")
    assert cli("erase", "acme", *WHY, "--yes").code == 5
    with Timeline.read(load().timeline_path) as timeline:
        [said] = [one.entry.body["say"] for one in timeline.entries("")]
    assert said == "A legal hold on everything was set: the regulator has asked"


@pytest.mark.usefixtures("home")
def test_campaigns_and_those_who_unsubscribed_forget_it(cli: Cli) -> None:
    """Asked first, with how much it is; then nobody of that name is known there."""
    settings = load()
    campaign(settings.outbox_path, [recipient("acme"), recipient("globex", 1)])
    unsubscribed = Unsubscribed(settings.unsubscribed_path)
    unsubscribed.add(("acme", "email", "security@acme.example"), 0)
    assert f"and 1 message of {CAMPAIGN} would be erased." in cli("erase", "acme", *WHY).err
    said = " ".join(cli("erase", "acme", *WHY, "--yes").out.split())
    assert f"Forgotten by {CAMPAIGN}, with 1 message: nothing more is sent to it" in said
    assert unsubscribed.known("acme") == 0
    for file in (settings.outbox_path, settings.unsubscribed_path):
        assert b"acme" not in file.read_bytes(), file
    assert "A customer and 1 message to it erased" in cli("timeline", CAMPAIGN.rpartition(".")[0]).out
    assert "Nothing is kept about acme" in cli("erase", "acme", *WHY, "--yes").out


def test_it_is_erased_and_recorded(cli: Cli, home: Path) -> None:
    """Asked first; then gone, on record, and told by who verifies."""
    refused = cli("erase", "acme", *WHY)
    assert refused.code == 5
    assert "Of acme, 1 value, in 1 incident, and 0 earlier versions in the registry would be erased." in refused.err
    given = home / "given.zip"
    assert cli("export", "inc-1", str(given), "--with-recipients").code == 0
    assert "WITHHELD" not in cli("verify", str(given)).out
    done = json.loads(cli("erase", "acme", *WHY, "--yes", "-o", "json").out)
    assert (done["values"], done["incidents"], done["scoured"]) == (1, ["inc-1"], True)
    assert "1 value was erased: GDPR Art. 17" in cli("timeline", "inc-1").out
    assert "Nothing is kept about acme that could be erased." in cli("erase", "acme", *WHY, "--yes").out
    assert cli("export", "inc-1", str(home / "later.zip"), "--with-recipients").code == 0
    said = cli("verify", str(home / "later.zip")).out
    assert "ERASED: deleted for good" in said
    assert "VERIFIED" in said


@pytest.mark.usefixtures("home")
def test_earlier_versions_of_the_registry_forget_it(cli: Cli) -> None:
    """What it was before is gone from them; what it is today goes with the next import, and that is said."""
    path = load().customers_path
    for name in ("ACME Canary Incorporated", "Acme"):
        one = Customer(id="acme", name=name)
        with Registry.open(path) as registry:
            registry.replace([one, Customer(id="globex")], source="x", by="user:ada")
    said = cli("erase", "acme", *WHY, "--yes").out
    assert "1 value erased. Recorded in inc-1. 1 earlier version erased from the registry." in said
    assert "It is still a customer" in said
    with Registry.open(path) as registry:
        assert [one.id for one in registry.all(1)] == ["globex"]
        assert registry.customer("acme").name == "Acme"
    assert b"Canary" not in path.read_bytes()
    settings = load()
    with Timeline.read(settings.timeline_path) as timeline:
        last = timeline.entries()[-1].entry
    assert (last.kind, last.incident) == (Kind.REDACTION, "")
    assert b"acme" not in last.data
    assert json.loads(cli("erase", "acme", *WHY, "--yes", "-o", "json").out)["still_a_customer"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("acme",), "Why? The reason is recorded."),
        (("acme", "--hold", "--release", *WHY), "are opposites"),
        (("--hold",), "Whose?"),
        (("*", *WHY), "Everybody is never erased at once."),
    ],
)
@pytest.mark.usefixtures("home")
def test_what_does_not_go_together(cli: Cli, words: tuple[str, ...], sentence: str) -> None:
    """Said before anything is opened."""
    refused = cli("erase", *words)
    assert refused.code == 2
    assert sentence in refused.err
