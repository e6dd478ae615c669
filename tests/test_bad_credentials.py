"""What a person reads, and what the timeline says, when a credential is not what it was taken for, or its provider is odd.

Real incidents, as in `test_bad_input`: each case asks for the sentence, the state of the provider and of the secret, and
the record, which must verify. What a sink refuses after the key was made is in `test_rotations`.
"""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.drill.fakes.slack import FakeSlack
from firedoor.plan import Verdict
from tests.emulators import Emulator
from tests.faking import Fakes
from tests.rotating import Rotating, Setup, named, rotating
from tests.stopping import Case, check_record

ROTATE, REVOKE = "credential.rotate", "credential.revoke"
SECRET = "gateway/openai"
ACCOUNTS = r"/v1/organization/projects/[^/]+/service_accounts"


@pytest.fixture
def openai(fakes: Fakes) -> FakeOpenAI:
    """One organization."""
    return fakes(FakeOpenAI())


@pytest.fixture
def slack(fakes: Fakes) -> FakeSlack:
    """One workspace."""
    return fakes(FakeSlack())


@pytest.fixture
async def on(
    temporal_address: str,
    tmp_path: Path,
    ministack_server: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    openai: FakeOpenAI,
    slack: FakeSlack,
) -> AsyncGenerator[Rotating]:
    """An installation that may act at both."""
    ministack_server.reset()
    setup = Setup()
    setup.provider(openai)
    setup.provider(slack)
    async with rotating(temporal_address, tmp_path / "home", ministack_server, monkeypatch, setup) as one:
        yield one


async def cured(case: Case, folder: Path, reason: str) -> None:
    """A retry contains it, and the record tells both."""
    await case.site.decide(case.incident, "retry", "act")
    assert (await case.result()).verdict is Verdict.CONTAINED
    case.check_record("act", reason, folder)


async def ended(case: Case, folder: Path, reason: str) -> None:
    """Somebody ends it, and nothing is called contained."""
    view = await case.ends()
    assert view.verdict is not Verdict.CONTAINED
    case.check_record("act", reason, folder)


async def test_an_admin_key_without_scope(on: Rotating, openai: FakeOpenAI, tmp_path: Path) -> None:
    """Which permission is missing is named in OpenAI's words; granted, the retry replaces the key."""
    old = openai.plant_credential("service_account_key", "gateway")
    place = on.secret(SECRET, old.value)
    openai.read_only.add(openai.admin)
    case = await on.stopped(ROTATE, credential=named(old, place))
    failure = case.failure()
    assert failure.reason == "permission_missing"
    assert failure.what == (
        "OpenAI refuses openai:POST /v1/organization/projects/{project}/service_accounts, which needs "
        "api.management.write: “Missing scopes: api.management.write”."
    )
    assert (failure.changed, "Grant it" in failure.next) == ("Nothing was changed.", True)
    assert (openai.alive("service_account_key"), on.stored(SECRET)) == ({old.value}, old.value)
    openai.read_only.clear()
    await cured(case, tmp_path, "permission_missing")
    assert openai.alive("service_account_key") == {on.stored(SECRET)}


@pytest.mark.parametrize("action", [REVOKE, ROTATE])
async def test_a_key_of_another_organization(on: Rotating, openai: FakeOpenAI, tmp_path: Path, action: str) -> None:
    """By its id nobody here knows it: that proves nothing, and nothing is made, stored or called contained."""
    mine = openai.plant_credential("service_account_key", "gateway")
    place = f"{on.secret(SECRET, '{}')}?field=key"
    stranger = named(mine, id="key_of_another_organization", name="theirs")
    case = await on.stopped(action, "breach", credential=stranger, **({"into": [place]} if action == ROTATE else {}))
    failure = case.failure()
    assert failure.what.startswith("OpenAI does not know the OpenAI service-account key theirs key_of_another")
    assert "belongs to another account, organization or project than firedoor acts in" in failure.what
    assert failure.changed == "Nothing was changed."
    assert (openai.alive("service_account_key"), on.stored(SECRET)) == ({mine.value}, "{}")
    await ended(case, tmp_path, "not_found")


async def test_a_key_of_another_organization_whose_value_is_known(
    on: Rotating, openai: FakeOpenAI, tmp_path: Path
) -> None:
    """Its value works, and nothing that firedoor can do changes that: `not contained`, and a person decides."""
    openai.projects.add("proj_theirs")
    theirs = openai.plant("theirs", project="proj_theirs")
    place = on.secret(SECRET, theirs.value)
    credential = {"provider": "openai", "id": theirs.id, "scope": "proj_gateway", "name": "theirs", "where": place}
    case = await on.stopped(REVOKE, "breach", credential=credential)
    assert case.view.steps[0].verdict is Verdict.NOT_CONTAINED
    assert "OpenAI accepted the value with 200" in case.failure().what
    assert theirs.value in openai.alive("service_account_key")
    await ended(case, tmp_path, case.failure().reason)


async def test_a_users_key_where_a_service_account_was_meant(on: Rotating, openai: FakeOpenAI, tmp_path: Path) -> None:
    """In a breach it is told before anything is revoked whose key it is, and which kind to say."""
    mine = openai.plant_credential("user_key", "laptop")
    place = on.secret(SECRET, mine.value)
    case = await on.stopped(ROTATE, "breach", credential=named(mine, place, kind="service_account_key"))
    failure = case.failure()
    assert failure.what == (
        f"The OpenAI key laptop {mine.credential.id} belongs to the user ada@example.com, not to a service account."
    )
    assert "Say kind: user_key" in failure.next
    assert failure.changed == "Nothing was changed."
    assert (openai.alive("user_key"), on.stored(SECRET)) == ({mine.value}, mine.value)
    assert openai.accounts == {}
    await ended(case, tmp_path, "conflict")


async def test_status_200_with_a_failure_inside(on: Rotating, slack: FakeSlack, tmp_path: Path) -> None:
    """Slack answers 200 and did nothing: its word is said, and the retry revokes."""
    token = slack.plant_credential("token", "bot")
    place = on.secret("bot/slack", token.value)
    slack.faults.append(
        Fault("POST", "/api/auth.revoke", times=2, instead=Said(200, {"ok": False, "error": "fatal_error"}))
    )
    case = await on.stopped(REVOKE, "breach", credential=named(token, place))
    assert case.failure().what == "Slack did not revoke the token: fatal_error."
    assert token.value in slack.alive("token")
    assert case.outcomes(REVOKE) == [("unknown", "provider_error")] * 2
    await cured(case, tmp_path, "provider_error")
    assert slack.alive("token") == set()


async def test_a_provider_that_answers_html(on: Rotating, openai: FakeOpenAI, tmp_path: Path) -> None:
    """A log-in page instead of a new key: what stands in the way is guessed aloud, the doubt is said, nothing is lost."""
    old = openai.plant_credential("service_account_key", "gateway")
    place = on.secret(SECRET, old.value)
    openai.faults.append(Fault("POST", ACCOUNTS, times=2, instead=Said(200, b"<html>log in</html>")))
    case = await on.stopped(ROTATE, credential=named(old, place))
    failure = case.failure()
    assert failure.what.startswith("OpenAI answered 200 with text/html instead of JSON")
    assert "whether a proxy or a log-in page stands before it" in failure.next
    assert failure.changed == "It is not known whether OpenAI carried it out; firedoor looks before it tries again."
    assert (openai.alive("service_account_key"), on.stored(SECRET)) == ({old.value}, old.value)
    await cured(case, tmp_path, "provider_error")
    assert openai.alive("service_account_key") == {on.stored(SECRET)}


@pytest.mark.parametrize("header", ["string", "92189159"])
async def test_a_hostile_retry_after(on: Rotating, openai: FakeOpenAI, tmp_path: Path, header: str) -> None:
    """Neither nonsense nor three years stop a containment: it is tried again within seconds, and ends by itself."""
    old = openai.plant_credential("service_account_key", "gateway")
    place = on.secret(SECRET, old.value)
    openai.faults.append(Fault("DELETE", ".*", instead=Said(429, {}, {"retry-after": header})))
    view = await on.ended(ROTATE, "breach", credential=named(old, place))
    assert view.verdict is Verdict.CONTAINED
    assert openai.alive("service_account_key") == {on.stored(SECRET)}
    check_record(on.site, view.id, tmp_path)


@pytest.mark.parametrize("hostile", ["../../models", "key_1\nX-Evil: 1", "..%2f..%2fmodels"])
@pytest.mark.parametrize("action", [REVOKE, ROTATE])
async def test_an_id_that_reaches_for_another_endpoint(
    on: Rotating, openai: FakeOpenAI, tmp_path: Path, action: str, hostile: str
) -> None:
    """An alert is a stranger's text: nothing at all is sent, and the sentence shows the id on one line."""
    old = openai.plant_credential("service_account_key", "gateway")
    place = on.secret(SECRET, old.value)
    case = await on.stopped(action, "breach", credential=named(old, place, id=hostile))
    failure = case.failure()
    shown = hostile.replace("\n", " ")
    assert failure.what == f"{shown!r} is not the id of any OpenAI service-account key: nothing was sent."
    assert failure.changed == "Nothing was changed."
    assert openai.log == []
    assert on.stored(SECRET) == old.value
    await ended(case, tmp_path, "invalid_arguments")
