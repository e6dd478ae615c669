"""Rotation where there is a fixed number of credentials: the two keys of an Azure OpenAI account."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from activities._action import Context
from activities._clients import Clients
from activities.providers._reading import fingerprint
from firedoor.config import Settings
from firedoor.drill.fakes._fake import Asked, Fault, Said
from firedoor.drill.fakes.azure_openai import Account, FakeAzureOpenAI
from firedoor.errors import StepError
from firedoor.incident import Call, Outcome, Preview, Target
from firedoor.plan import Verdict
from firedoor.steps.credentials import Rotate
from tests import killing
from tests.activities.performing import FUNCTIONS, accounts
from tests.emulators import Emulator

SECRET = "gateway/azure"
SINK = f"aws-sm:{SECRET}"
REGENERATE = ".*/regenerateKey"
CONSUMERS = """
credentials:
  first:  {{provider: azure_openai, id: {place}/Key1, consumers: [gateway]}}
  second: {{provider: azure_openai, id: {place}/Key2, consumers: [batch]}}
consumers:
  gateway: {{customers: [acme]}}
  batch: {{}}
customers:
  acme: {{}}
"""


@dataclass
class Stage:
    """An account whose first key is in a secret, and has leaked."""

    azure: FakeAzureOpenAI
    account: Account
    aws: Emulator
    clients: Clients
    leaked: str
    other: str

    def key(self, slot: str = "Key1", **facts: str) -> dict[str, Any]:
        """A key as a runbook names it."""
        known = {"provider": "azure_openai", "id": f"{self.account.place}/{slot}", "where": SINK}
        return known | facts

    def attempt(self, action: str, earlier: Preview | None = None, **arguments: Any) -> tuple[Preview, Any]:
        """One attempt at a step."""
        return killing.attempt(self.clients, action, earlier, **arguments)

    def shown(self, **arguments: Any) -> Preview:
        """What would be changed: the first half of an attempt."""
        target = Target(key="0", arguments=arguments)
        call = Call(incident="test", plan="0" * 64, step="rotate", targets=(target,))
        context = Context(clients=self.clients, call=call, target=target)
        first = next(FUNCTIONS["credential.rotate"](Rotate.model_validate(arguments), context))
        assert isinstance(first, Preview)
        return first

    def rotated(self, earlier: Preview | None = None, **arguments: Any) -> Outcome:
        """A rotation that has to succeed."""
        _, ended = self.attempt("credential.rotate", earlier, **({"credential": self.key()} | arguments))
        assert isinstance(ended, Outcome), ended
        assert "canary" not in ended.model_dump_json()
        return ended

    def refused(self, action: str, **arguments: Any) -> StepError:
        """The error of a step that has to be refused before anything is changed."""
        with pytest.raises(StepError) as raised:
            self.attempt(action, **arguments)
        assert self.regenerated == []
        assert self.stored == self.leaked
        return raised.value

    @property
    def stored(self) -> str:
        """What consumers get now."""
        return str(self.aws.client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"])

    @property
    def regenerated(self) -> list[bytes]:
        """Which keys were regenerated, in this order."""
        return [one.body for one in self.azure.log if one.path.endswith("/regenerateKey")]


FIRST, SECOND = b'{"keyName":"Key1"}', b'{"keyName":"Key2"}'


@pytest.fixture
def on(aws: Emulator, tmp_path: Path) -> Generator[Stage]:
    """Everything planted and started."""
    with FakeAzureOpenAI() as azure:
        assert isinstance(azure, FakeAzureOpenAI)
        account = azure.plant("gateway")
        aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=account.keys["key1"])
        given = azure.secrets | {"client_secret": "env:FIREDOOR_SECRET_AZURE", "base_url": azure.url}
        (tmp_path / "inventory.yaml").write_text(CONSUMERS.format(place=account.place))
        acting = accounts(aws)
        acting.variables = {"FIREDOOR_SECRET_AZURE": azure.client_secret}
        clients = Clients(Settings(home=tmp_path, providers={"azure_openai": given}), aws=acting)
        yield Stage(azure, account, aws, clients, account.keys["key1"], account.keys["key2"])
        clients.close()


def test_in_a_breach_only_the_leaked_key_is_regenerated(on: Stage) -> None:
    """Once; consumers get its new value, the old one is refused, and whoever uses the other key notices nothing."""
    outcome = on.rotated(mode="breach")
    assert outcome.verdict is Verdict.CONTAINED
    assert on.regenerated == [FIRST]
    assert on.stored == on.account.keys["key1"] != on.leaked
    assert on.account.keys["key2"] == on.other
    assert outcome.result["new"]["id"] == on.key()["id"]


def test_in_a_rotation_consumers_have_a_working_key_at_every_moment(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are switched to the other key, regenerated for that; then the old one is regenerated, and proved dead."""
    alive: list[bool] = []
    answer = on.azure.answer

    def watching(asked: Asked) -> Said:
        said = answer(asked)
        alive.append(on.stored in on.account.keys.values())
        return said

    monkeypatch.setattr(on.azure, "answer", watching)
    outcome = on.rotated(mode="rotation", gap=True)
    assert outcome.verdict is Verdict.CONTAINED
    assert all(alive)
    assert on.regenerated == [SECOND, FIRST]
    assert on.stored == on.account.keys["key2"] != on.other
    assert on.leaked not in on.account.keys.values()
    assert outcome.result["new"]["id"] == f"{on.account.place}/Key2"


def test_nobody_on_the_other_key_is_stopped_by_surprise(on: Stage) -> None:
    """Mode rotation has to be told that it may: the sentence says who stops, and the way that stops nobody else."""
    error = on.refused("credential.rotate", credential=on.key(), mode="rotation")
    assert error.reason == "conflict"
    assert f"whoever uses {on.account.place}/Key2 now stops at once" in error.what
    assert "Say `gap: true` if nobody uses" in error.next
    assert "Mode breach leaves it alone" in error.next


def test_who_approves_sees_both_keys_and_who_uses_them(on: Stage) -> None:
    """The change, two credentials in the blast radius, and the consumers of both; and two looks are the same."""
    arguments: dict[str, Any] = {"credential": on.key(), "mode": "rotation", "gap": True}
    shown, again = (on.shown(**arguments) for _ in range(2))
    assert f"{on.account.place}/Key2 is regenerated for that: whoever uses it now stops at once" in shown.change
    assert shown.blast == {"credentials": 2}
    assert [one.name for one in shown.dependents] == ["gateway", "acme", "batch"]
    assert "canary" not in shown.model_dump_json()
    assert again == shown
    alone = on.shown(credential=on.key(), mode="breach")
    assert alone.blast == {"credentials": 1}
    assert [one.name for one in alone.dependents] == ["gateway", "acme"]
    assert on.regenerated == []


@pytest.mark.parametrize("mode", ["breach", "rotation"])
def test_a_lost_answer_is_read_back_and_nothing_is_regenerated_twice(on: Stage, mode: str) -> None:
    """Azure regenerated a key and its answer was lost, once for each key: the next attempts take what it holds."""
    on.azure.faults.append(Fault("POST", REGENERATE, times=1, lose_reply=True))
    arguments: dict[str, Any] = {"credential": on.key(), "mode": mode, "gap": True}
    preview, error = on.attempt("credential.rotate", **arguments)
    assert isinstance(error, StepError)
    assert error.retryable
    made = dict(on.account.keys)
    if mode == "rotation":
        on.azure.faults.append(Fault("POST", REGENERATE, times=1, lose_reply=True))
        _, error = on.attempt("credential.rotate", preview, **arguments)
        assert isinstance(error, StepError)
        assert on.stored == made["key2"]
    outcome = on.rotated(preview, **arguments)
    assert outcome.verdict is Verdict.CONTAINED
    assert on.regenerated == ([FIRST] if mode == "breach" else [SECOND, FIRST])
    assert on.stored == made["key1" if mode == "breach" else "key2"]


def test_what_somebody_else_regenerated_is_not_regenerated_again(on: Stage) -> None:
    """A person replaced the leaked key in the portal: consumers only lack the new value, and get it."""
    on.account.keys["key1"] = "canary-by-hand"
    for mode in ("breach", "rotation"):
        on.aws.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=on.leaked)
        assert on.rotated(mode=mode).verdict is Verdict.CONTAINED
        assert (on.regenerated, on.stored) == ([], "canary-by-hand")


def test_both_keys_may_be_rotated_at_once(on: Stage) -> None:
    """Each takes the other's slot: both sinks end with a live key, both old ones are dead, none is regenerated twice."""
    manager = on.aws.client("secretsmanager")
    manager.create_secret(Name="batch/azure", SecretString=on.other)
    second: dict[str, Any] = {"credential": on.key("Key2", where="aws-sm:batch/azure"), "mode": "rotation", "gap": True}
    intent = on.shown(**second)
    on.rotated(mode="rotation", gap=True)
    assert on.rotated(intent, **second).verdict is Verdict.CONTAINED
    stored = {on.stored, manager.get_secret_value(SecretId="batch/azure")["SecretString"]}
    assert stored == set(on.account.keys.values())
    assert not stored & {on.leaked, on.other}
    assert on.regenerated == [SECOND, FIRST]


def test_an_id_that_is_not_where_its_value_is(on: Stage) -> None:
    """The inventory is outdated: which of the two is meant, a person says; nobody's key is regenerated meanwhile."""
    error = on.refused("credential.rotate", credential=on.key("Key2"), mode="rotation", gap=True)
    assert error.what == f"The value that is meant is in {on.account.place}/Key1, not in {on.account.place}/Key2."
    assert on.refused("credential.revoke", credential=on.key("Key2")).reason == "conflict"


def test_a_key_of_which_only_the_value_is_known(on: Stage) -> None:
    """Its account is said, and the slot is the one that holds it; without the account it is asked for."""
    known = {"provider": "azure_openai", "where": SINK}
    assert "It is not said where" in on.refused("credential.rotate", credential=known, mode="breach").what
    on.rotated(credential={**known, "scope": on.account.place}, mode="breach")
    assert on.regenerated == [FIRST]


def test_a_fingerprint_of_long_ago_does_not_keep_a_key_from_being_rotated(on: Stage) -> None:
    """Where no value can be read, it is the key of that id that is meant, whatever it holds by now."""
    stale = on.key(where="env:FIREDOOR_SECRET_NOWHERE", fingerprint="sha256:0123456789abcdef")
    outcome = on.rotated(credential=stale, into=[SINK], mode="rotation", gap=True)
    assert outcome.verdict is Verdict.CONTAINED
    assert on.regenerated == [SECOND, FIRST]
    assert on.stored == on.account.keys["key2"]


def test_a_value_that_is_in_no_slot_and_has_no_id(on: Stage) -> None:
    """Somebody regenerated it: which key its consumers shall have, a person says."""
    on.account.keys["key1"] = "canary-by-hand"
    error = on.refused("credential.rotate", credential=on.key(id="", scope=on.account.place), mode="breach")
    assert "holds the value that is meant (any more)" in error.what
    assert f"It has {on.account.place}/Key1, {on.account.place}/Key2" in error.next


def test_a_new_one_beside_the_two_is_impossible(on: Stage) -> None:
    """`credential.create` would take a key from somebody: it says so instead."""
    error = on.refused("credential.create", like=on.key())
    assert "has a fixed number of account keys" in error.what


@pytest.mark.parametrize("known", ["value", "id", "fingerprint"])
def test_a_key_is_revoked_once_however_it_is_known(on: Stage, known: str) -> None:
    """By its value, by its id alone, or by its fingerprint; a lost answer has nobody's new key regenerated again."""
    facts = {
        "value": on.key(),
        "id": on.key(where=""),
        "fingerprint": on.key(id="", where="", scope=on.account.place, fingerprint=fingerprint_of(on.leaked)),
    }
    on.azure.faults.append(Fault("POST", REGENERATE, lose_reply=True))
    preview, error = on.attempt("credential.revoke", credential=facts[known])
    assert isinstance(error, StepError)
    _, ended = on.attempt("credential.revoke", preview, credential=facts[known])
    assert isinstance(ended, Outcome), ended
    assert ended.verdict is Verdict.CONTAINED
    assert on.regenerated == [FIRST]
    assert on.leaked not in on.account.keys.values()


def test_what_was_verified_by_its_id_is_proved_dead_by_its_id(on: Stage) -> None:
    """A slot lives on after its key: a runbook that goes on with what a step told asks about the leaked key."""
    _, verified = on.attempt("credential.verify", credential=on.key(where=""))
    assert verified.result["state"] == "live"
    rotated = on.rotated(credential=verified.result["credential"], into=[SINK], mode="breach")
    for credential in (verified.result["credential"], rotated.result["old"]):
        _, proved = on.attempt("credential.prove_dead", credential=credential | {"where": ""})
        assert proved.verdict is Verdict.CONTAINED
    _, unknown = on.attempt("credential.prove_dead", credential=on.key(where=""))
    assert unknown.verdict is Verdict.UNKNOWN


def test_who_may_not_see_the_keys_still_learns_what_the_account_says(on: Stage) -> None:
    """Without the permission to list keys a verification by id tells nothing, and is no error."""
    on.azure.refused.add("listKeys")
    _, verified = on.attempt("credential.verify", credential=on.key(where=""))
    assert verified.result["state"] == "unknown"
    on.azure.faults.append(Fault("GET", "/subscriptions/.*", instead=Said(503, b"down")))
    with pytest.raises(StepError, match="answered 503"):
        on.attempt("credential.verify", credential=on.key(where=""))


def test_a_value_that_is_dead_already_changes_nothing(on: Stage) -> None:
    """It is in neither key, and the data plane refuses it."""
    on.account.keys["key1"] = "canary-by-hand"
    preview, ended = on.attempt("credential.revoke", credential=on.key())
    assert "nothing to change" in preview.change
    assert isinstance(ended, Outcome)
    assert (ended.verdict, ended.changed, on.regenerated) == (Verdict.CONTAINED, False, [])


def test_while_keys_are_switched_off_none_is_replaced(on: Stage) -> None:
    """Nothing accepts them, Azure does not show them, and what to do first is said."""
    on.account.off = True
    error = on.refused("credential.rotate", credential=on.key(), mode="breach")
    assert "because it is switched off" in error.what
    preview, ended = on.attempt("credential.revoke", credential=on.key())
    assert "nothing to change" in preview.change
    assert isinstance(ended, Outcome)
    assert "takes no keys" in ended.summary or "refused the value" in ended.summary


def test_a_sink_that_refuses_after_the_other_key_was_regenerated(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what was regenerated; the old key works, and is where it was."""
    manager = on.aws.client("secretsmanager")
    manager.create_secret(Name="other", SecretString="old")
    answer = on.azure.answer

    def sabotage(asked: Asked) -> Said:
        said = answer(asked)
        if asked.path.endswith("/regenerateKey"):
            manager.delete_secret(SecretId="other", ForceDeleteWithoutRecovery=True)
        return said

    monkeypatch.setattr(on.azure, "answer", sabotage)
    into = [SINK, "aws-sm:other"]
    _, error = on.attempt("credential.rotate", credential=on.key(), into=into, mode="rotation", gap=True)
    assert isinstance(error, StepError)
    assert f"{on.account.place}/Key2 holds a new value, which no sink has" in error.changed
    assert on.stored == on.leaked == on.account.keys["key1"]


def fingerprint_of(value: str) -> str:
    """As the inventory has it."""
    return fingerprint(SecretStr(value))
