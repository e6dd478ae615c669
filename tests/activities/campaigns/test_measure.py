"""Remediation is measured: by what the stores and the providers say, and by nothing else."""

import asyncio
import datetime
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from activities._clients import Clients
from activities.campaigns import listings, measure
from activities.campaigns.measure import since
from activities.providers._reading import fingerprint
from firedoor.campaign import Found, Standing, Work
from firedoor.config import Settings
from firedoor.customers.model import Dependency
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.braintrust import PROJECT, FakeBraintrust
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.errors import StepError
from firedoor.incident import Outcome
from firedoor.outbox.store import Outbox
from firedoor.recipient import CampaignRow, Measure, Recipient
from tests.activities.performing import accounts
from tests.campaigning import CAMPAIGN, campaign, recipient
from tests.emulators import Emulator
from tests.faking import Fakes
from tests.killing import attempt

WORK = Work(campaign=CAMPAIGN, incident=CAMPAIGN.rpartition(".")[0], step="notify")


@dataclass
class Field:
    """Where credentials lie, and a campaign that waits for them."""

    aws: Emulator
    braintrust: FakeBraintrust
    openai: FakeOpenAI
    clients: Clients
    settings: Settings
    #: What is planted lies before it; what a test changes after it.
    began: float = 0

    def plant(self, name: str) -> Dependency:
        """A secret that a customer stored at Braintrust."""
        self.braintrust.plant_credential("ai_secret", name)
        return Dependency(provider="openai", name=name, store=f"braintrust:ai_secret/{name}")

    def change(self, name: str) -> None:
        """The customer writes another value there."""
        self.braintrust.begin = self.braintrust.begin.fromtimestamp(self.began + 3600, self.braintrust.begin.tzinfo)
        one = next(one for one in self.braintrust.objects["ai_secret"].values() if one["name"] == name)
        one |= {"value": "sk-canary-new", "secret_updated_at": self.braintrust._now()}

    def secret(self, name: str, value: str) -> Dependency:
        """A secret of a customer in our own store."""
        self.aws.client("secretsmanager").create_secret(Name=name, SecretString=value)
        return Dependency(provider="openai", kind="user_key", name=name, store=f"aws-sm:{name}")

    def tell(self, *customers: Recipient, **others: Any) -> None:
        """Keep a campaign that begins now."""
        self.began = time.time()
        campaign(self.settings.outbox_path, customers, extra={"prepared": self.began}, **others)

    def measure(self, number: int = 0, fresh: float = 0, ahead: float = 0) -> Standing:
        """One round; its clock is so many seconds ahead."""
        with Outbox.open(self.settings.outbox_path) as outbox:
            work, clock = WORK.model_copy(update={"number": number}), lambda: time.time() + ahead
            return asyncio.run(measure.measure(work, outbox, self.clients, fresh=fresh, clock=clock))

    def found(self, customer: str) -> list[Measure]:
        """What is known of a customer's credentials."""
        with Outbox.open(self.settings.outbox_path) as outbox:
            return list(outbox.measures(CAMPAIGN, [customer])[customer])

    def states(self, customer: str) -> list[Found]:
        """How they are."""
        return [one.found for one in self.found(customer)]


@pytest.fixture
def there(aws: Emulator, fakes: Fakes, tmp_path: Path) -> Generator[Field]:
    """Fakes of Braintrust and OpenAI, and our own store."""
    braintrust, openai = fakes(FakeBraintrust()), fakes(FakeOpenAI())
    settings = Settings(
        home=tmp_path,
        providers={
            "braintrust": {"base_url": braintrust.url, "api_key": "env:FIREDOOR_SECRET_BT"},
            "openai": {"base_url": openai.url, "admin_key": "env:FIREDOOR_SECRET_OPENAI"},
        },
    )
    acting = accounts(aws)
    acting.variables = {"FIREDOOR_SECRET_BT": braintrust.owner, "FIREDOOR_SECRET_OPENAI": openai.admin}
    clients = Clients(settings, aws=acting)
    yield Field(aws, braintrust, openai, clients, settings)
    clients.close()


def _with(row: CampaignRow, values: dict[str, Any]) -> CampaignRow:
    return replace(row, values=values)


def next_second(there: Field) -> None:
    """The emulator tells whole seconds, and nobody can move its clock: what comes after is later than the campaign."""
    while time.time() < int(there.began) + 1:
        time.sleep(0.01)


def test_what_changed_at_braintrust_is_replaced(there: Field) -> None:
    """One listing tells of all customers; a customer is remediated when all of its secrets are."""
    names = [f"C{number}" for number in range(5)]
    both = [there.plant("A"), there.plant("B")]
    there.tell(
        recipient("both", 0, both),
        *(recipient(one.lower(), 1 + at, [there.plant(one)]) for at, one in enumerate(names)),
    )
    before = there.measure()
    assert (before.remediated, before.holding, before.customers) == (0, 6, 6)
    there.change("A")
    there.change("C3")
    asked = len(there.braintrust.log)
    after = there.measure()
    assert len(there.braintrust.log) == asked + 1
    assert (after.remediated, after.holding) == (1, 5)
    assert there.states("both") == [Found.CHANGED, Found.SAME]
    assert there.states("c3") == [Found.CHANGED]
    assert "2026" in there.found("c3")[0].says
    there.change("B")
    assert there.measure().remediated == 2


def test_variables_at_every_scope_are_told_apart(there: Field) -> None:
    """Two variables of one name in two places are two secrets; of two at one place both must have changed."""
    scopes = (f"project/{PROJECT}", f"organization/{PROJECT}")
    for scope in scopes:
        there.braintrust.plant_credential("env_var", "KEY", scope)
    stored = [Dependency(provider="openai", store=f"braintrust:env_var/{scope}/KEY") for scope in scopes]
    there.plant("TWICE")
    there.tell(recipient("one", 0, stored), recipient("twice", 1, [there.plant("TWICE")]))
    there.measure()
    first = next(iter(there.braintrust.objects["env_var"].values()))
    there.change("TWICE")
    first["secret_updated_at"] = there.braintrust._now()
    there.measure()
    assert there.states("one") == [Found.CHANGED, Found.SAME]
    assert there.states("twice") == [Found.SAME]


def test_what_is_gone_is_exposed_no_longer(there: Field) -> None:
    """Of a secret that was there that is known; of one that never was seen it is not, and a person has to look."""
    there.tell(
        recipient("gone", 0, [there.plant("GONE")]),
        recipient("typo", 1, [Dependency(provider="openai", store="braintrust:ai_secret/TYPO")]),
    )
    there.measure()
    there.braintrust.objects["ai_secret"].clear()
    assert there.measure().remediated == 1
    assert there.states("gone") == [Found.GONE]
    assert "no longer exposed" in there.found("gone")[0].says
    (typo,) = there.found("typo")
    assert (typo.found, typo.told) == (Found.UNKNOWN, 0)
    assert typo.looked > there.began


def test_a_list_that_is_cut_off_makes_nothing_gone(there: Field) -> None:
    """What a list lacks is asked for by its name before it counts as removed."""
    there.tell(recipient("one", 0, [there.plant("ONE")]))
    there.measure()
    empty = Said(data={"objects": []})
    there.braintrust.faults.append(Fault("GET", "/v1/ai_secret", instead=empty))
    assert there.measure().remediated == 0
    assert there.states("one") == [Found.SAME]
    there.braintrust.faults += [Fault("GET", "/v1/ai_secret", times=2, instead=empty)]
    assert there.measure().remediated == 1


def test_our_own_store_tells_when_a_value_changed(there: Field) -> None:
    """A new version replaces; a tag does not, nor the same value once more, nor one from before under a new label."""
    manager = there.aws.client("secretsmanager")
    names = ("new", "tagged", "again", "gone", "unread")
    keys = {name: there.openai.plant(name) for name in names}
    stored = {name: there.secret(f"customers/{name}", key.value) for name, key in keys.items()}
    again = stored["again"].model_copy(update={"fingerprint": fingerprint(SecretStr(keys["again"].value))})
    there.tell(*(recipient(name, at, [again if name == "again" else stored[name]]) for at, name in enumerate(names)))
    next_second(there)
    there.measure()
    assert {name: there.states(name) for name in names} == {name: [Found.SAME] for name in names}
    manager.put_secret_value(SecretId="customers/new", SecretString="sk-canary-other")
    manager.put_secret_value(SecretId="customers/again", SecretString=keys["again"].value)
    manager.tag_resource(SecretId="customers/tagged", Tags=[{"Key": "incident", "Value": "1"}])
    manager.delete_secret(SecretId="customers/gone")
    assert there.measure().remediated == 2
    states = {name: there.states(name)[0] for name in names}
    assert states == {
        "new": Found.CHANGED,
        "tagged": Found.SAME,
        "again": Found.SAME,
        "gone": Found.GONE,
        "unread": Found.SAME,
    }
    assert not any(key.value in one.says for name, key in keys.items() for one in there.found(name))


def test_an_old_value_that_its_provider_refuses_is_dead(there: Field) -> None:
    """Whoever deleted its key at OpenAI and forgot to tell us is done; the value lies where it lay."""
    key = there.openai.plant("customer")
    there.tell(recipient("acme", 0, [there.secret("customers/acme", key.value)]))
    there.measure()
    assert there.states("acme") == [Found.SAME]
    del there.openai.keys[key.id]
    assert there.measure().remediated == 1
    (found,) = there.found("acme")
    assert found.found is Found.REFUSED
    assert "401" in found.says


def test_what_is_ours_is_asked_about_by_its_id(there: Field) -> None:
    """A credential without a place is looked up where it was made; one of another account tells nothing."""
    (token,) = [there.braintrust.plant_credential("service_token", "customer").credential]
    mine = Dependency(provider="braintrust", kind="service_token", id=token.id, scope=token.scope)
    other = Dependency(provider="openai", kind="user_key", id="key_elsewhere", scope="proj_gateway")
    there.tell(
        recipient("mine", 0, [mine]), recipient("other", 1, [other]), recipient("blank", 2, [Dependency(provider="x")])
    )
    there.measure()
    assert there.states("mine") == [Found.SAME]
    del there.braintrust.objects["service_token"][token.id]
    there.measure()
    assert [there.states(name) for name in ("other", "blank")] == [[Found.UNKNOWN], [Found.UNKNOWN]]
    assert not there.found("other")[0].replaced


def test_a_provider_that_fails_remediates_nobody(there: Field) -> None:
    """The others are measured all the same; what was known stays, with the time from which it is."""
    key = there.openai.plant("customer")
    there.tell(recipient("bt", 0, [there.plant("BT")]), recipient("own", 1, [there.secret("customers/own", key.value)]))
    there.measure()
    (before,) = there.found("bt")
    there.change("BT")
    there.braintrust.faults.append(Fault("GET", "/v1/ai_secret", instead=Said(503, {"error": "down"})))
    there.aws.client("secretsmanager").put_secret_value(SecretId="customers/own", SecretString="sk-canary-other")
    next_second(there)
    standing = there.measure()
    (after,) = there.found("bt")
    assert (standing.remediated, standing.holding) == (1, 1)
    assert (after.found, after.told) == (Found.SAME, before.told)
    assert after.looked > after.told
    assert "Braintrust could not be asked" in after.says
    assert there.measure().remediated == 2


def test_what_is_replaced_stays_so(there: Field) -> None:
    """A customer that is done is not asked about again, and a clock that went back makes nobody undone."""
    there.tell(recipient("done", 0, [there.plant("DONE")]), recipient("open", 1, [there.plant("OPEN")]))
    there.change("DONE")
    there.measure()
    one = next(one for one in there.braintrust.objects["ai_secret"].values() if one["name"] == "DONE")
    one["secret_updated_at"] = "2026-01-01T00:00:00Z"
    assert there.measure().remediated == 1


def test_what_was_just_looked_at_is_not_asked_about_again(there: Field) -> None:
    """A round that was woken at once, or begun again after a crash, goes on with what is due: no call is repeated."""
    there.tell(recipient("one", 0, [there.plant("ONE")]))
    there.measure()
    there.change("ONE")
    asked = len(there.braintrust.log)
    assert there.measure(fresh=60).remediated == 0
    assert len(there.braintrust.log) == asked
    assert there.measure().remediated == 1


def test_a_clock_that_was_set_back_stops_no_looking(there: Field) -> None:
    """What was looked at by a clock that was a day ahead is looked at now, and not only tomorrow."""
    there.tell(recipient("one", 0, [there.plant("ONE")]))
    there.measure(ahead=86_400)
    there.change("ONE")
    assert there.measure(fresh=60).remediated == 1


def test_only_those_who_are_waited_for_are_asked(there: Field) -> None:
    """A campaign that waits for an acknowledgement measures those who have not given it."""
    there.tell(
        recipient("silent", 0, [there.plant("SILENT")]),
        recipient("read", 1, [there.plant("READ")]),
        spec={"until": "customer.acknowledged || customer.remediated"},
    )
    with Outbox.open(there.settings.outbox_path) as outbox:
        outbox.acknowledge(CAMPAIGN, "read", "security", time.time())
    standing = there.measure()
    assert standing.holding == 1
    assert there.states("silent") == [Found.SAME]
    assert there.found("read")[0].looked == 0


def test_many_places_are_listed_and_old_values_take_turns(there: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many secrets in our store only those are read that changed; each round tries the next old values."""
    monkeypatch.setattr(listings, "WORTH", 3)
    monkeypatch.setattr(measure, "TRIED", 2)
    monkeypatch.setattr(measure, "PAGE", 2)
    names = [f"c{number}" for number in range(5)]
    keys = [there.openai.plant(name) for name in names]
    there.tell(
        *(recipient(name, at, [there.secret(f"customers/{name}", keys[at].value)]) for at, name in enumerate(names)),
    )
    for key in keys:
        del there.openai.keys[key.id]
    assert [there.measure(number).remediated for number in range(3)] == [2, 4, 5]


def test_parameters_are_listed(there: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same of Parameter Store, whose times are those of the value."""
    monkeypatch.setattr(listings, "WORTH", 1)
    ssm = there.aws.client("ssm")
    for name in ("/c/new", "/c/same"):
        ssm.put_parameter(Name=name, Value="sk-canary", Type="SecureString")
    stored = [Dependency(provider="x", store=f"aws-ssm:{name}") for name in ("/c/new", "/c/same")]
    there.tell(recipient("new", 0, stored[:1]), recipient("same", 1, stored[1:]))
    next_second(there)
    there.measure()
    ssm.put_parameter(Name="/c/new", Value="sk-canary-2", Type="SecureString", Overwrite=True)
    there.measure()
    assert [there.states(name) for name in ("new", "same")] == [[Found.CHANGED], [Found.SAME]]


def test_the_beat_comes_from_the_activity(there: Field) -> None:
    """Heartbeats are called in the event loop, whichever thread has done something."""
    loops: list[asyncio.AbstractEventLoop] = []
    there.tell(recipient("one", 0, [there.plant("ONE")]))
    with Outbox.open(there.settings.outbox_path) as outbox:
        asyncio.run(measure.measure(WORK, outbox, there.clients, beat=lambda: loops.append(asyncio.get_running_loop())))
    assert len(loops) >= 3
    assert len(set(loops)) == 1


def test_since_when_a_change_counts(there: Field) -> None:
    """What the notice says, else when the campaign was prepared; what is no moment is said so."""
    row = campaign(there.settings.outbox_path, [recipient("one")])
    for given, moment in (
        ("2026-11-29T10:00:00+02:00", "2026-11-29T08:00:00+00:00"),
        ("2026-11-29", "2026-11-29T00:00:00+00:00"),
    ):
        found = since(_with(row, {"contained_at": given}), 0)
        assert found.astimezone(datetime.UTC).isoformat() == moment
    assert since(row, 0).timestamp() == row.extra["prepared"]
    with pytest.raises(StepError, match="is no moment: 'yesterday'"):
        since(_with(row, {"contained_at": "yesterday"}), 0)


def test_as_a_step_it_counts(there: Field) -> None:
    """A runbook may ask now; a campaign that is not there is an error with a sentence."""
    there.tell(recipient("done", 0, [there.plant("DONE")]), recipient("open", 1, [there.plant("OPEN")]))
    there.change("DONE")
    _, done = attempt(there.clients, "customers.measure", campaign=CAMPAIGN)
    assert isinstance(done, Outcome)
    assert done.summary == "1 of 2 customers have rotated (50 %); 0 reached."
    wanted = {"customers": 2, "remediated": 1, "holding": 1, "reached": 0, "acknowledged": 0, "tasks": 0}
    assert wanted.items() <= done.result.items()
    assert done.result["providers"] == {"openai": 1}
    with pytest.raises(StepError, match="There is no campaign 'none'"):
        attempt(there.clients, "customers.measure", campaign="none")
