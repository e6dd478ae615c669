"""`firedoor campaign`, as a person uses it: how far customers are, what to do about the rest, and the hand on the tap."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from activities.transports._transport import BouncedError, DoubtError, Letter
from firedoor.campaign import Found
from firedoor.recipient import Measure
from tests.campaigning import CAMPAIGN, PREPARED
from tests.cli.conftest import Cli
from tests.sending import Answer, Desk, Post, desk, people


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A data folder with the stores of campaigns, and no Temporal at all."""
    (tmp_path / "firedoor.toml").write_text('log = "test.example/timeline"\n')
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    with desk(tmp_path) as opened:
        yield opened


def answered(letter: Letter) -> Answer | None:
    """The first customer's answer is lost, the second's address is none."""
    if letter.customer == "customer-0":
        return DoubtError("the connection closed after DATA")
    return BouncedError("550 no such user") if letter.customer == "customer-1" else None


@pytest.fixture
def sent(store: Desk) -> Desk:
    """Five customers: one in doubt, one unreachable, three reached, of whom one has rotated."""
    store.prepare(people(5), halt=100)
    asyncio.run(store.send({"email": Post(answered)}))
    done = Measure(0, Found.CHANGED, "changed", PREPARED + 200, PREPARED + 200, PREPARED + 200)
    store.outbox.measured(CAMPAIGN, {"customer-2": [done]}, PREPARED + 200)
    return store


def test_where_there_are_none_it_says_so(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No store is made by a look."""
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path))
    assert "There are no campaigns" in cli("campaign").out
    assert json.loads(cli("campaign", "-o", "json").out) == []
    assert cli("campaign", "show", "x").code == 2
    assert not (tmp_path / "outbox.sqlite").exists()


def test_it_shows_who_has_rotated_and_what_to_do_about_the_rest(cli: Cli, sent: Desk) -> None:
    """Percent done, by cohort and provider, the slowest first, what needs a person, what is in doubt."""
    done = cli("campaign", "show", "notify")
    assert done.code == 0
    assert "20 % rotated  1 of 5 customers\n 3 reached" in done.out
    assert "confirmed" in done.out
    assert "openai" in done.out
    assert done.out.index("Customer-0 Inc.") < done.out.index("Customer-3 Inc.")
    assert "! customer-1:" in done.out
    assert "in doubt: 1 message" in done.out
    assert f"firedoor campaign retry-failed {CAMPAIGN} --in-doubt" in done.out
    assert f"firedoor campaign stop {CAMPAIGN}" in done.out


def test_it_shows_why_messages_did_not_arrive_and_what_could_not_be_looked_at(cli: Cli, sent: Desk) -> None:
    """A campaign that has halted is judged by the reasons; 0 % rotated may also mean that nobody could look."""
    said = cli("campaign", "show", "notify").out
    assert "did not arrive\n   1  email bounced  550 no such user" in said
    assert "could not be looked at" not in said
    blind = Measure(0, Found.UNKNOWN, "Braintrust could not be asked: 401", 0.0, 0.0, PREPARED + 300)
    sent.outbox.measured(CAMPAIGN, {"customer-3": [blind], "customer-4": [blind]}, PREPARED + 300)
    assert "   2 credentials  Braintrust could not be asked: 401" in cli("campaign", "show", "notify").out
    told = json.loads(cli("campaign", "show", CAMPAIGN, "-o", "json").out)
    assert told["unseen"] == [{"says": "Braintrust could not be asked: 401", "credentials": 2}]
    assert [(one["state"], one["count"]) for one in told["losses"]] == [("bounced", 1)]


def test_who_waits_for_an_acknowledgement_sees_how_many_there_are(cli: Cli, store: Desk) -> None:
    """`until` says what is counted: where it waits for no key, `0 % rotated` would be said for ever."""
    store.prepare(people(4), until="customer.acknowledged")
    asyncio.run(store.send({"email": Post()}))
    store.outbox.acknowledge(CAMPAIGN, "customer-1", "security", PREPARED + 200)
    assert "25 % acknowledged  1 of 4 customers" in cli("campaign", "show", "notify").out
    assert "25 % acknowledged" in cli("campaign").out


def test_a_program_gets_the_same(cli: Cli, sent: Desk) -> None:
    """Counts, the slowest, the tasks, the doubts, as one document."""
    told = json.loads(cli("campaign", "show", CAMPAIGN, "-o", "json").out)
    assert (told["flow"], told["customers"], told["reached"], told["remediated"]) == ("running", 5, 3, 1)
    assert [one["customer"] for one in told["doubts"]] == ["customer-0"]
    [task] = told["needs_a_person"]
    assert task["customer"] == "customer-1"
    assert task["command"] == f"firedoor campaign reached {CAMPAIGN} customer-1 --reason '…'"
    (line,) = json.loads(cli("campaign", "list", "-o", "json").out)
    assert line["campaign"] == CAMPAIGN


def test_its_incident_stands_for_it(cli: Cli, sent: Desk) -> None:
    """An incident with one campaign names it; what names none is told what there is."""
    assert cli("campaign", "show", CAMPAIGN.partition(".")[0]).code == 0
    failed = cli("campaign", "show", "nothing")
    assert failed.code == 2
    assert CAMPAIGN in failed.err


class TestSteering:
    """The store first: it works with Temporal down, and the timeline says who and why."""

    def test_pause_resume_stop(self, cli: Cli, sent: Desk) -> None:
        """Each takes effect in the store at once, and says what could not be told."""
        done = cli("campaign", "pause", "notify", "--reason", "looks odd")
        assert (done.code, sent.row.flow.value) == (0, "paused")
        assert "no further message leaves" in done.out
        assert "Temporal does not answer" in done.err
        assert cli("campaign", "resume", "notify").code == 0
        assert sent.row.flow.value == "running"
        assert cli("campaign", "stop", "notify", "--reason", "wrong list").code == 0
        assert sent.row.flow.value == "stopped"
        said = [entry.body["say"] for entry in sent.entries("decision")]
        assert any("paused: looks odd" in one for one in said)
        assert any("stopped for good: wrong list" in one for one in said)
        refused = cli("campaign", "resume", "notify")
        assert refused.code == 5
        assert "stopped and cannot become running" in refused.err

    def test_a_stop_says_why(self, cli: Cli, sent: Desk) -> None:
        """Without a reason it does not stop; nothing was changed."""
        failed = cli("campaign", "stop", "notify")
        assert failed.code == 2
        assert "A stop needs a reason" in failed.err
        assert sent.row.flow.value == "running"

    def test_what_is_lost_is_tried_again_and_what_is_in_doubt_is_not(self, cli: Cli, sent: Desk) -> None:
        """Only what surely did not arrive."""
        done = cli("campaign", "retry-failed", "notify", "--reason", "the server was down")
        assert "1 message of" in done.out
        assert sent.outbox.standing(CAMPAIGN, PREPARED + 300).messages == {
            "in_doubt": 1,
            "queued": 1,
            "sent": 2,
            "remediated": 1,
        }

    def test_what_is_in_doubt_is_sent_again_only_on_a_word(self, cli: Cli, sent: Desk) -> None:
        """It says what may happen twice, and does it with --yes."""
        refused = cli("campaign", "retry-failed", "notify", "--in-doubt")
        assert refused.code == 5
        assert "may have arrived: sent again, their readers get them twice" in refused.err
        assert "in_doubt" in sent.outbox.standing(CAMPAIGN, PREPARED + 300).messages
        assert cli("campaign", "retry-failed", "notify", "--in-doubt", "--yes").code == 0
        assert "in_doubt" not in sent.outbox.standing(CAMPAIGN, PREPARED + 300).messages


class TestReached:
    """A person has told a customer another way: its task is closed, with Temporal down."""

    def test_one(self, cli: Cli, sent: Desk) -> None:
        """What stands below the task closes it; said again it changes nothing."""
        shown = cli("campaign", "show", "notify").out
        assert f"firedoor campaign reached {CAMPAIGN} customer-1 --reason" in " ".join(shown.split())
        done = cli("campaign", "reached", "notify", "customer-1", "--reason", "telephoned Ada, their CISO")
        assert (done.code, done.out) == (0, f"1 customer of {CAMPAIGN} counts as reached by hand.\n")
        assert "Temporal does not answer" in done.err
        again = cli("campaign", "reached", "notify", "customer-1", "--reason", "once more")
        assert f"0 customers of {CAMPAIGN} count as reached by hand. 1 did so before." in again.out
        shown = cli("campaign", "show", "notify").out
        assert "a person has to see to" not in shown
        assert "4 reached (1 by hand)" in shown

    def test_many(self, cli: Cli, sent: Desk, tmp_path: Path) -> None:
        """Named and in a file, each once."""
        (tmp_path / "told.txt").write_text("customer-3\n\n customer-4 \ncustomer-1\n")
        listed = ("--file", str(tmp_path / "told.txt"))
        done = cli("campaign", "reached", "notify", "customer-1", *listed, "-r", "at the meeting", "-o", "json")
        told = json.loads(done.out)
        assert told["done"].startswith("3 customers")
        assert (told["standing"]["by_hand"], told["standing"]["tasks"]) == (3, 0)

    def test_what_is_missing_or_wrong(self, cli: Cli, sent: Desk) -> None:
        """A reason, a customer, a customer of this campaign, a file."""
        for arguments, says in (
            (("customer-1",), "The timeline keeps it as the proof"),
            (("--reason", "x"), "Which customers were reached?"),
            (("costumer-1", "--reason", "x"), "(did you mean customer-1"),
            (("--file", "/nowhere", "--reason", "x"), "/nowhere cannot be read"),
        ):
            failed = cli("campaign", "reached", "notify", *arguments)
            assert (failed.code, says in failed.err) == (2, True), failed.err
        assert sent.outbox.standing(CAMPAIGN, PREPARED).by_hand == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show",), "Which campaign?"),
        (("list", "x"), "list takes no name"),
        (("show", "x", "customer-1", "customer-2"), "'customer-2' is one word too many"),
        (("show", "x", "customer-1", "--watch"), "'customer-1' is one word too many"),
        (("pause", "x", "customer-1"), "'customer-1' is one word too many"),
        (("show", "x", "--file", "y"), "--file goes with reached"),
        (("show", "x", "--in-doubt"), "--in-doubt goes with retry-failed"),
        (("pause", "x", "--watch"), "--watch goes with show"),
        (("show", "x", "--reason", "y"), "--reason goes with pause"),
    ],
)
def test_what_does_not_go_together(cli: Cli, sent: Desk, arguments: tuple[str, ...], says: str) -> None:
    """An option of another task is a mistake, not ignored."""
    failed = cli("campaign", *arguments)
    assert failed.code == 2
    assert says in failed.err


def test_watching_ends_with_the_campaign(cli: Cli, sent: Desk) -> None:
    """One line a change where no person looks; JSON lines for a program."""
    cli("campaign", "stop", "notify", "--reason", "enough")
    assert "stopped" in cli("campaign", "show", "notify", "--watch").out
    (line,) = cli("campaign", "show", "notify", "--watch", "-o", "json").out.splitlines()
    assert json.loads(line)["flow"] == "stopped"


def test_nothing_of_a_customer_can_steer_the_terminal(cli: Cli, store: Desk) -> None:
    """A name with control characters is shown without them."""
    (evil,) = people(1)
    store.prepare([replace(evil, name="Evil\x1b[2J Corp")])
    asyncio.run(store.send({"email": Post()}))
    assert "\x1b[2J" not in cli("campaign", "show", "notify").out


def test_one_customer_is_shown_with_its_messages(cli: Cli, sent: Desk) -> None:
    """How far it is, what became of each message, and why a person has to see to it."""
    done = cli("campaign", "show", "notify", "customer-1")
    assert done.code == 0
    assert f"customer-1 in {CAMPAIGN}" in done.out
    assert "! 550 no such user. No other way to this customer is left." in done.out
    assert "notice  email to security (security1@customer1.example)  bounced" in done.out
    told = json.loads(cli("campaign", "show", "notify", "customer-2", "-o", "json").out)
    assert (told["customer"], told["told_with"], told["others"]) == ("customer-2", "", [])
    assert [one["state"] for one in told["messages"]] == ["remediated"]
    missing = cli("campaign", "show", "notify", "customer-22")
    assert missing.code == 2
    assert "has no customer 'customer-22' (did you mean customer-2" in missing.err


def test_who_was_merged_is_found_in_the_message_of_the_other(cli: Cli, store: Desk) -> None:
    """By its own name, in text and for programs; nobody can be counted as reached who has no message."""
    store.prepare(people(1), shared={"agency-b": "customer-0", "agency-c": "customer-0", "stray": "customer-7"})
    asyncio.run(store.send({"email": Post()}))
    done = cli("campaign", "show", "notify", "agency-b")
    assert done.code == 0
    assert "It is told with customer-0 and agency-c in one message, for they have one contact." in done.out
    assert "security0@customer0.example)  sent" in done.out
    assert "agency-b, agency-c are told in its message." in cli("campaign", "show", "notify", "customer-0").out
    told = json.loads(cli("campaign", "show", "notify", "agency-c", "-o", "json").out)
    assert (told["customer"], told["told_with"], told["others"]) == ("agency-c", "customer-0", ["agency-b", "agency-c"])
    assert cli("campaign", "show", "notify", "stray").code == 2
    refused = cli("campaign", "reached", "notify", "agency-b", "--reason", "telephoned")
    assert refused.code == 2
    assert "'agency-b' (it is told with customer-0, in one message: say that name)" in refused.err
