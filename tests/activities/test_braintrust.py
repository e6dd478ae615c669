"""`braintrust.disable_secret`, on the fake Braintrust: what was not replaced is taken out, what was is left alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from activities._clients import Clients
from firedoor.config import Settings
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.braintrust import FakeBraintrust
from firedoor.errors import StepError
from firedoor.incident import Outcome, Preview
from firedoor.plan import Verdict
from firedoor.steps._step import Credential
from tests.killing import attempt

ACTION, SINCE = "braintrust.disable_secret", "2026-11-05T00:00:00Z"
STOLEN = Credential(provider="openai", name="ACME", where="braintrust:ai_secret/ACME")


@pytest.fixture
def braintrust() -> Iterator[FakeBraintrust]:
    """With the secrets of two customers, stored before `SINCE`."""
    with FakeBraintrust() as fake:
        for name in ("ACME", "GLOBEX"):
            fake.plant_credential("ai_secret", name)
        yield fake


@pytest.fixture
def clients(braintrust: FakeBraintrust, tmp_path: Path) -> Iterator[Clients]:
    """What may act there."""
    (tmp_path / "token").write_text(braintrust.owner)
    settings = {"braintrust": {"base_url": braintrust.url, "api_key": f"file:{tmp_path / 'token'}"}}
    made = Clients(Settings(home=tmp_path, providers=settings))
    yield made
    made.close()


def names(braintrust: FakeBraintrust) -> list[str]:
    """What is stored."""
    return sorted(str(one["name"]) for one in braintrust.objects["ai_secret"].values())


def test_what_was_not_replaced_is_taken_out(braintrust: FakeBraintrust, clients: Clients) -> None:
    """That one and no other, with Braintrust's own answer that it is gone; a second time nothing is left to do."""
    preview, done = attempt(clients, ACTION, credential=STOLEN, unchanged_since=SINCE)
    assert isinstance(preview, Preview)
    assert isinstance(done, Outcome)
    assert preview.change.startswith("the copy at braintrust:ai_secret/ACME: deleted; last changed 2026-")
    assert preview.blast == {"credentials": 1}
    assert preview.inverse is None
    assert (done.verdict, done.changed, done.result["state"]) == (Verdict.CONTAINED, True, "removed")
    assert names(braintrust) == ["GLOBEX"]
    assert [one.says for one in done.evidence] == [
        "braintrust:ai_secret/ACME is deleted",
        "braintrust:ai_secret/ACME is not listed",
    ]
    _, again = attempt(clients, ACTION, credential=STOLEN, unchanged_since=SINCE)
    assert isinstance(again, Outcome)
    assert (again.verdict, again.changed) == (Verdict.CONTAINED, False)


def test_what_its_owner_has_replaced_is_left_alone(braintrust: FakeBraintrust, clients: Clients) -> None:
    """The new value stays; and the approval that was given for the old one is not asked for again."""
    before, _ = attempt(clients, ACTION, credential=STOLEN.model_copy(update={"where": "braintrust:ai_secret/GLOBEX"}))
    known = next(one["id"] for one in braintrust.objects["ai_secret"].values() if one["name"] == "ACME")
    braintrust.begin = braintrust.begin.replace(day=20)
    answer = httpx.patch(
        f"{braintrust.url}/v1/ai_secret/{known}",
        json={"secret": "sk-new"},
        headers={"Authorization": f"Bearer {braintrust.owner}"},
        trust_env=False,
    )
    assert answer.is_success
    preview, done = attempt(clients, ACTION, credential=STOLEN, unchanged_since=SINCE)
    assert isinstance(done, Outcome)
    assert isinstance(preview, Preview)
    assert isinstance(before, Preview)
    assert (done.verdict, done.changed, done.result["state"]) == (Verdict.CONTAINED, False, "replaced")
    assert braintrust.stored("ai_secret", "ACME") == "sk-new"
    assert preview.change.endswith("was replaced: nothing to change")
    assert (preview.blast, {*preview.before}) == (before.blast, {*before.before})


def test_a_lost_reply_is_read_back(braintrust: FakeBraintrust, clients: Clients) -> None:
    """Braintrust has deleted it and nobody heard so: the next attempt finds it gone, and says that we have done it."""
    braintrust.faults.append(Fault("DELETE", "/v1/ai_secret/.*", lose_reply=True))
    preview, lost = attempt(clients, ACTION, credential=STOLEN, unchanged_since=SINCE)
    assert isinstance(lost, StepError)
    assert names(braintrust) == ["GLOBEX"]
    _, done = attempt(clients, ACTION, preview, credential=STOLEN, unchanged_since=SINCE)
    assert isinstance(done, Outcome)
    assert (done.verdict, done.changed, done.result["state"]) == (Verdict.CONTAINED, True, "removed")
    assert len([one for one in braintrust.log if one.method == "DELETE"]) == 1


def test_a_yes_is_not_believed(braintrust: FakeBraintrust, clients: Clients) -> None:
    """The answer says deleted and the list still has it: what was read back makes the verdict."""
    known = next(one for one in braintrust.objects["ai_secret"].values() if one["name"] == "ACME")
    shown = {key: value for key, value in known.items() if key not in ("value", "secret")}
    braintrust.faults.append(Fault("DELETE", "/v1/ai_secret/.*", instead=Said(data=shown)))
    _, done = attempt(clients, ACTION, credential=STOLEN, unchanged_since=SINCE)
    assert isinstance(done, Outcome)
    assert (done.verdict, done.result["state"]) == (Verdict.NOT_CONTAINED, "stored")
    assert done.summary.endswith("is still there.")
    assert names(braintrust) == ["ACME", "GLOBEX"]


def test_a_token_that_is_none_is_told(braintrust: FakeBraintrust, clients: Clients, tmp_path: Path) -> None:
    """Nothing is deleted, nothing is tried again, and the sentence does not repeat the token."""
    (tmp_path / "token").write_text("bt-st-canary-of-nobody")
    with pytest.raises(StepError) as refused:
        attempt(clients, ACTION, credential=STOLEN, unchanged_since=SINCE)
    assert not refused.value.retryable
    assert "canary" not in str(refused.value)
    assert names(braintrust) == ["ACME", "GLOBEX"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            {"credential": Credential(provider="openai", name="X", where="aws-sm:customers/x")},
            "X is kept at aws-sm:cust",
        ),
        ({"credential": STOLEN, "unchanged_since": "yesterday"}, "`unchanged_since` is no time: 'yesterday'."),
    ],
    ids=["another store", "no time"],
)
def test_what_cannot_be_done_is_refused(
    braintrust: FakeBraintrust, clients: Clients, arguments: dict[str, Any], says: str
) -> None:
    """Before anything is asked of Braintrust."""
    with pytest.raises(StepError) as refused:
        attempt(clients, ACTION, **arguments)
    assert refused.value.what.startswith(says)
    assert not [one for one in braintrust.log if one.method == "DELETE"]
