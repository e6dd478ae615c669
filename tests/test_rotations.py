"""Rotations in real incidents: people in the middle of them, places that refuse, and what a retry finds."""

import time
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from activities._clients import Clients
from activities.intake import Question, take
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.anthropic import FakeAnthropic
from firedoor.drill.fakes.braintrust import FakeBraintrust
from firedoor.drill.fakes.doppler import FakeDoppler
from firedoor.drill.fakes.huggingface import FakeHuggingFace
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.plan import Verdict
from firedoor.steps._step import Credential
from tests.emulators import Emulator
from tests.faking import Fakes
from tests.opened import opened
from tests.rotating import Rotating, Setup, named, rotating
from tests.stopping import check_record
from tests.workflows.conftest import ADA

ROTATE = "credential.rotate"
ACCOUNTS = r"/v1/organization/projects/[^/]+/service_accounts"
DOPPLER = "doppler:gateway/prd/OPENAI_API_KEY"


@pytest.fixture
def openai(fakes: Fakes) -> FakeOpenAI:
    """Creates by its API."""
    return fakes(FakeOpenAI())


@pytest.fixture
def anthropic(fakes: Fakes) -> FakeAnthropic:
    """Lets only people create."""
    return fakes(FakeAnthropic())


@pytest.fixture
def huggingface(fakes: Fakes) -> FakeHuggingFace:
    """Knows tokens by their values only."""
    return fakes(FakeHuggingFace())


@pytest.fixture
def braintrust(fakes: Fakes) -> FakeBraintrust:
    """A sink that never shows its values."""
    return fakes(FakeBraintrust())


@pytest.fixture
def doppler(fakes: Fakes) -> FakeDoppler:
    """A sink that stages nothing."""
    return fakes(FakeDoppler())


@pytest.fixture
async def on(
    temporal_address: str,
    tmp_path: Path,
    ministack_server: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    openai: FakeOpenAI,
    anthropic: FakeAnthropic,
    huggingface: FakeHuggingFace,
    braintrust: FakeBraintrust,
    doppler: FakeDoppler,
) -> AsyncGenerator[Rotating]:
    """An installation that may act at all of them."""
    ministack_server.reset()
    setup = Setup()
    setup.provider(openai)
    setup.provider(anthropic)
    setup.provider(huggingface)
    setup.provider(braintrust)
    setup.sink("braintrust", braintrust, api_key=braintrust.owner)
    setup.sink("doppler", doppler, token=doppler.token)
    async with rotating(temporal_address, tmp_path / "home", ministack_server, monkeypatch, setup) as one:
        yield one


def paste(on: Rotating, incident: str, credential: dict[str, str], place: str, value: str) -> None:
    """What `firedoor paste` has the worker's side do with a value."""
    question = Question(
        incident=incident,
        step="act",
        responder=ADA,
        credential=Credential.model_validate(credential),
        into=(place,),
        value=SecretStr(value),
    )
    with closing(Clients(on.site.settings)) as clients:
        take(question, clients, on.site.timeline)


@pytest.mark.parametrize("mode", ["breach", "rotation"])
async def test_what_a_person_pastes_is_found_when_the_step_runs_again(
    on: Rotating, anthropic: FakeAnthropic, tmp_path: Path, mode: str
) -> None:
    """Anthropic creates nothing: the step waits, then finds the value; Temporal and the timeline never get it."""
    old = anthropic.plant_credential("api_key", "gateway")
    place = on.secret("gateway/anthropic", old.value)
    credential = named(old, place)
    case = await on.stopped(ROTATE, mode, credential=credential)
    assert case.failure().reason == "needs_person"
    assert "https://platform.claude.com/settings/keys" in case.failure().next
    assert (old.value in anthropic.alive("api_key")) == (mode == "rotation")
    new = anthropic.plant_credential("api_key", "gateway-2")
    paste(on, case.incident, credential, place, new.value)
    await on.site.decide(case.incident, "retry", "act")
    ended = await case.result()
    assert ended.verdict is Verdict.CONTAINED
    assert on.stored("gateway/anthropic") == new.value
    assert anthropic.alive("api_key") == {new.value}
    check_record(on.site, case.incident, tmp_path)
    written = [await opened(on.site.client, case.incident), *(one.read_bytes() for one in _files(on))]
    assert not any(b"canary" in one for one in written)


async def test_a_store_that_shows_nothing_proves_what_was_pasted_by_its_time(
    on: Rotating, anthropic: FakeAnthropic, braintrust: FakeBraintrust
) -> None:
    """Braintrust tells only that the value changed: that is taken for the answer, and said to be no more."""
    old = anthropic.plant_credential("api_key", "gateway")
    braintrust.plant_credential("ai_secret", "ANTHROPIC_API_KEY")
    place = "braintrust:ai_secret/ANTHROPIC_API_KEY"
    credential = named(old)
    case = await on.stopped(ROTATE, credential=credential, into=[place])
    new = anthropic.plant_credential("api_key", "gateway-2")
    paste(on, case.incident, credential, place, new.value)
    await on.site.decide(case.incident, "retry", "act")
    ended = await case.result()
    assert (ended.verdict, braintrust.stored("ai_secret", "ANTHROPIC_API_KEY")) == (Verdict.CONTAINED, new.value)
    assert any("the value is never shown" in one.says for one in ended.steps[0].evidence)
    assert anthropic.alive("api_key") == {new.value}


async def test_an_old_value_that_is_in_no_place_any_more_is_unknown(
    on: Rotating, huggingface: FakeHuggingFace, doppler: FakeDoppler
) -> None:
    """Hugging Face knows no ids and Doppler keeps one value: what cannot be asked about is not called contained."""
    old = huggingface.plant_credential("user_token", "gateway")
    doppler.secrets_now["OPENAI_API_KEY"] = old.value
    credential = {"provider": "huggingface", "name": "gateway", "where": DOPPLER}
    case = await on.stopped(ROTATE, "breach", credential=credential)
    assert case.failure().changed.endswith("is revoked; its consumers have no working one.")
    assert old.value not in huggingface.values
    new = huggingface.plant_credential("user_token", "gateway-2")
    paste(on, case.incident, credential, DOPPLER, new.value)
    again = await on.again(case)
    assert "its value is in no place, and its id is not known" in again.failure().what
    assert again.view.steps[0].verdict is Verdict.UNKNOWN
    assert huggingface.values == {new.value} == {doppler.secrets_now["OPENAI_API_KEY"]}


async def test_consumers_get_their_time_from_a_place_that_tells_no_time(
    on: Rotating, openai: FakeOpenAI, doppler: FakeDoppler
) -> None:
    """Doppler says nothing of when a value changed; our mark beside it does, and the old key works meanwhile."""
    old = openai.plant_credential("service_account_key", "gateway")
    doppler.secrets_now["OPENAI_API_KEY"] = old.value
    began = time.monotonic()
    alive: list[bool] = []
    answer = openai.answer

    def watching(asked: Any) -> Said:
        if asked.method == "DELETE":
            alive.append(time.monotonic() - began >= 1.0)
        return answer(asked)

    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(openai, "answer", watching)
        ended = await on.ended(ROTATE, credential=named(old), into=[DOPPLER], grace=2)
    assert ended.verdict is Verdict.CONTAINED
    assert alive == [True]


async def test_whose_token_it_was_is_found_out_before_it_is_deleted(on: Rotating, braintrust: FakeBraintrust) -> None:
    """Braintrust forgets a token's service account with the token, and makes none without: it is asked first."""
    old = braintrust.plant_credential("service_token", "gateway")
    place = on.secret("gateway/braintrust", old.value)
    ended = await on.ended(ROTATE, "breach", credential=named(old, place, scope=""))
    assert ended.verdict is Verdict.CONTAINED
    assert braintrust.alive("service_token") == {on.stored("gateway/braintrust")}


async def test_a_pasted_value_that_is_refused_is_asked_for_again(on: Rotating, anthropic: FakeAnthropic) -> None:
    """Somebody put nonsense into the place: the old key is not touched for it, and the next value is taken."""
    old = anthropic.plant_credential("api_key", "gateway")
    place = on.secret("gateway/anthropic", old.value)
    case = await on.stopped(ROTATE, credential=named(old, place))
    manager = on.aws.client("secretsmanager")
    manager.put_secret_value(SecretId="gateway/anthropic", SecretString="nonsense")
    again = await on.again(case)
    assert again.failure().reason == "needs_person"
    assert again.failure().what == "Anthropic refuses the value that was put there: it refused the value with 401."
    assert "the value is where it was put" in again.failure().changed.lower()
    assert old.value in anthropic.alive("api_key")
    new = anthropic.plant_credential("api_key", "gateway-2")
    manager.put_secret_value(SecretId="gateway/anthropic", SecretString=new.value)
    await on.site.decide(case.incident, "retry", "act")
    assert (await case.result()).verdict is Verdict.CONTAINED


async def test_a_retry_after_everything_was_taken_back_makes_another_key(
    on: Rotating, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sink refused after the key was made: the key was deleted, nothing is staged; the sink is mended, and it works."""
    old = openai.plant_credential("service_account_key", "gateway")
    places = [on.secret("gateway/openai", old.value), on.secret("batch/openai", old.value)]
    manager = on.aws.client("secretsmanager")
    answer = openai.answer

    def sabotage(asked: Any) -> Said:
        said = answer(asked)
        if asked.method == "POST":
            manager.delete_secret(SecretId="batch/openai", ForceDeleteWithoutRecovery=True)
        return said

    with monkeypatch.context() as patching:
        patching.setattr(openai, "answer", sabotage)
        case = await on.stopped(ROTATE, credential=named(old), into=places)
    assert "There is no secret batch/openai" in case.failure().what
    assert "was deleted again; every sink keeps its value." in case.failure().changed
    assert openai.alive("service_account_key") == {old.value}
    assert on.labels("gateway/openai") == [["AWSCURRENT"]]
    on.secret("batch/openai", old.value)
    await on.site.decide(case.incident, "retry", "act")
    ended = await case.result()
    assert ended.verdict is Verdict.CONTAINED
    (left,) = openai.alive("service_account_key")
    assert (on.stored("gateway/openai"), on.stored("batch/openai")) == (left, left)


async def test_a_retry_gives_the_place_that_refused_the_same_value(
    on: Rotating, openai: FakeOpenAI, doppler: FakeDoppler
) -> None:
    """Two of three places have it: which has not is said; the retry makes no second key, and then all have it."""
    old = openai.plant_credential("service_account_key", "gateway")
    doppler.secrets_now["OPENAI_API_KEY"] = old.value
    doppler.meanwhile = {"OPENAI_API_KEY": "theirs"}
    places = [on.secret("gateway/openai", old.value), on.secret("batch/openai", old.value), DOPPLER]
    case = await on.stopped(ROTATE, credential=named(old), into=places)
    failure = case.failure()
    assert failure.reason == "sink_refused"
    assert failure.changed == (
        f"{places[0]}, {places[1]} has it; {DOPPLER} does not. The new credential exists and works."
    )
    made = openai.alive("service_account_key") - {old.value}
    assert {on.stored("gateway/openai"), on.stored("batch/openai")} == made
    doppler.meanwhile = {}
    await on.site.decide(case.incident, "retry", "act")
    assert (await case.result()).verdict is Verdict.CONTAINED
    assert openai.alive("service_account_key") == made
    assert {doppler.secrets_now["OPENAI_API_KEY"], on.stored("gateway/openai"), on.stored("batch/openai")} == made


async def test_a_retry_starts_from_what_somebody_else_put_there(
    on: Rotating, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their value was refused to be overwritten; a person looked, and the retry replaces it."""
    old = openai.plant_credential("service_account_key", "gateway")
    place = on.secret("gateway/openai", old.value)
    manager = on.aws.client("secretsmanager")
    answer = openai.answer

    def meanwhile(asked: Any) -> Said:
        if asked.method == "POST":
            manager.put_secret_value(SecretId="gateway/openai", SecretString="theirs")
        return answer(asked)

    with monkeypatch.context() as patching:
        patching.setattr(openai, "answer", meanwhile)
        case = await on.stopped(ROTATE, credential=named(old, place))
    assert case.failure().reason == "conflict"
    assert "Somebody else changed gateway/openai" in case.failure().what
    assert openai.alive("service_account_key") == {old.value}
    await on.site.decide(case.incident, "retry", "act")
    assert (await case.result()).verdict is Verdict.CONTAINED
    assert openai.alive("service_account_key") == {on.stored("gateway/openai")}
    assert "AWSPENDING" not in str(on.labels("gateway/openai"))


async def test_what_a_lost_answer_made_is_found_by_a_retry_too(on: Rotating, openai: FakeOpenAI) -> None:
    """Both attempts of the first round lost their answers; the retry deletes what they made, and leaves one key."""
    old = openai.plant_credential("service_account_key", "gateway")
    place = on.secret("gateway/openai", old.value)
    openai.faults.append(Fault("POST", ACCOUNTS, times=2, lose_reply=True))
    case = await on.stopped(ROTATE, credential=named(old, place))
    assert case.failure().reason == "unreachable"
    assert len(openai.alive("service_account_key")) == 2
    await on.site.decide(case.incident, "retry", "act")
    assert (await case.result()).verdict is Verdict.CONTAINED
    assert openai.alive("service_account_key") == {on.stored("gateway/openai")}


async def test_a_revocation_that_is_refused_says_what_is_done_already(on: Rotating, openai: FakeOpenAI) -> None:
    """The new value is in place, and the old one works: the retry goes on from there."""
    old = openai.plant_credential("service_account_key", "gateway")
    place = on.secret("gateway/openai", old.value)
    openai.faults.append(Fault("DELETE", ".*", instead=Said(403, {"error": {"message": "no"}})))
    case = await on.stopped(ROTATE, credential=named(old, place))
    assert case.failure().reason == "permission_missing"
    assert case.failure().changed == f"The new value is in {place}; the old one was not revoked."
    made = on.stored("gateway/openai")
    await on.site.decide(case.incident, "retry", "act")
    assert (await case.result()).verdict is Verdict.CONTAINED
    assert openai.alive("service_account_key") == {made} == {on.stored("gateway/openai")}


def _files(on: Rotating) -> list[Path]:
    """What firedoor wrote: timeline, logs, limits."""
    return [path for path in on.site.settings.home.rglob("*") if path.is_file()]
