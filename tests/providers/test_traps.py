"""Traps of providers that have a test of their own: what they do otherwise than everybody would expect."""

import re
from base64 import b64encode
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from activities.providers import github, gitlab, slack, twilio
from firedoor.drill.fakes._fake import Fake, Fault, Said
from firedoor.drill.fakes.github import FakeGitHub
from firedoor.drill.fakes.gitlab import FakeGitLab
from firedoor.drill.fakes.slack import FakeSlack
from firedoor.drill.fakes.twilio import FakeTwilio
from firedoor.errors import StepError
from firedoor.steps._step import Credential
from tests.faking import Fakes
from tests.providers.conftest import Apis

pytestmark = pytest.mark.usefixtures("changing")


def test_github_is_asked_without_a_credential(fakes: Fakes, apis: Apis) -> None:
    """An authenticated revocation would be refused; other tokens live on."""
    fake = fakes(FakeGitHub())
    leaked, other = (fake.plant_credential("personal_access_token", name) for name in ("ci", "laptop"))
    github.revoke(apis(fake), leaked.credential, SecretStr(leaked.value))
    assert "authorization" not in fake.log[-1].headers
    assert fake.alive("personal_access_token") == {other.value}


def test_a_limit_of_github_says_nothing_of_the_token(fakes: Fakes, apis: Apis) -> None:
    """403 is its answer to a limit as well: neither dead nor alive."""
    fake = fakes(FakeGitHub())
    planted = fake.plant_credential("personal_access_token", "ci")
    fake.faults.append(Fault("GET", "/user", instead=Said(403, {"message": "API rate limit exceeded"})))
    assert github.verify(apis(fake), planted.credential, SecretStr(planted.value)).life == "unknown"


@pytest.mark.parametrize(
    ("fake", "kind", "revoke"),
    [(FakeGitHub, "personal_access_token", github.revoke), (FakeSlack, "token", slack.revoke)],
)
def test_a_token_that_only_its_value_can_revoke(
    fakes: Fakes, apis: Apis, fake: type[Fake], kind: str, revoke: Callable[..., object]
) -> None:
    """Without the value a person is told both ways."""
    started = fakes(fake())
    with pytest.raises(StepError) as raised:
        revoke(apis(started), started.plant_credential(kind, "ci").credential, None)
    assert raised.value.reason == "needs_person"
    assert "Give `value`" in raised.value.next
    assert started.log == []


def test_gitlabs_rotate_is_never_called(fakes: Fakes, apis: Apis) -> None:
    """On a revoked token it would revoke the whole family: a new one is made with the old one's scopes and role."""
    fake = fakes(FakeGitLab())
    api = apis(fake, **fake.secrets)
    old = fake.plant_credential("project_access_token", "ci").credential
    gitlab.revoke(api, old, None)
    made = gitlab.create(api, old, "ci-2")
    new = fake.tokens[made.credential.id]
    assert (new["scopes"], new["access_level"]) == (["write_repository"], 40)
    assert not any("rotate" in one.path for one in fake.log)


def test_a_gitlab_token_of_nobodys_id_revokes_itself(fakes: Fakes, apis: Apis) -> None:
    """Whoever holds it can; a second time changes nothing."""
    fake = fakes(FakeGitLab())
    planted = fake.plant_credential("personal_access_token", "laptop")
    nameless = Credential(provider="gitlab", kind="personal_access_token")
    for says in ("the token revoked itself", "it was refused already"):
        assert gitlab.revoke(apis(fake), nameless, SecretStr(planted.value)).says == says


@pytest.mark.parametrize("error", ["ratelimited", "service_unavailable", "fatal_error"])
def test_an_error_of_slack_that_is_not_about_the_token_is_unknown(fakes: Fakes, apis: Apis, error: str) -> None:
    """Status 200 with a failure inside: only Slack's words for a dead token mean that."""
    fake = fakes(FakeSlack())
    planted = fake.plant_credential("token", "bot")
    fake.faults += [Fault(method, ".*", instead=Said(200, {"ok": False, "error": error})) for method in ("GET", "POST")]
    assert slack.verify(apis(fake), planted.credential, SecretStr(planted.value)).life == "unknown"
    with pytest.raises(StepError, match=f"Slack did not revoke the token: {error}"):
        slack.revoke(apis(fake), planted.credential, SecretStr(planted.value))


def test_twilio_is_never_asked_about_an_account(fakes: Fakes, apis: Apis) -> None:
    """It would answer with the auth token: whatever is done to keys, that resource is left alone."""
    fake = fakes(FakeTwilio())
    api, planted = apis(fake, **fake.secrets), fake.plant_credential("api_key", "gateway")
    kind = api.provider.kind("api_key")
    twilio.inventory(api, kind, "")
    twilio.verify(api, planted.credential, SecretStr(planted.value))
    made = twilio.create(api, planted.credential, "gateway-2")
    twilio.made(api, planted.credential, "gateway-2", ())
    twilio.revoke(api, planted.credential, None)
    assert twilio.look(api, made.credential).life == "live"
    assert len(fake.log) == 6
    assert not [one.path for one in fake.log if re.fullmatch(r".*/Accounts/[^/]+", one.path)]
    assert "canary" not in made.credential.model_dump_json()


def test_what_let_firedoor_in_is_kept_out_of_sentences(fakes: Fakes, apis: Apis) -> None:
    """A provider that repeats our own credential in its refusal: as it is, as Basic, and taken apart."""
    fake = fakes(FakeTwilio())
    api, token = apis(fake, **fake.secrets), fake.secrets["auth_token"]
    pair = b64encode(f"{fake.secrets['account']}:{token}".encode()).decode()
    said = Said(403, {"message": f"Basic {pair} is {token} or {pair}"})
    fake.faults.append(Fault("GET", ".*/Keys.json", instead=said))
    with pytest.raises(StepError) as raised:
        twilio.inventory(api, api.provider.kind("api_key"), "")
    assert raised.value.what.endswith("“[secret] is [secret] or [secret]”.")


def test_firedoors_own_twilio_key_is_never_deleted(fakes: Fakes, apis: Apis) -> None:
    """The key that it works with is refused before anything is sent."""
    fake = fakes(FakeTwilio())
    planted = fake.plant_credential("api_key", "firedoor")
    with pytest.raises(StepError, match="firedoor itself works with"):
        twilio.delete(apis(fake, account=fake.secrets["account"], auth_token=planted.value), planted.credential)
    assert fake.log == []
