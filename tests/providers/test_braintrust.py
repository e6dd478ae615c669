"""What is Braintrust's own: tokens that only tokens create, and secrets of others that it stores."""

import uuid

import pytest

from activities.providers import braintrust
from firedoor.drill.fakes.braintrust import PROJECT, FakeBraintrust
from firedoor.errors import StepError
from firedoor.providers import providers
from tests.faking import Fakes
from tests.providers.conftest import Apis

BRAINTRUST = providers()["braintrust"]
SCOPES = [f"{kind}/{uuid.UUID(int=number)}" for number, kind in enumerate(("organization", "project", "function"), 50)]


@pytest.mark.usefixtures("changing")
def test_a_user_key_may_create_no_token(fakes: Fakes, apis: Apis) -> None:
    """What firedoor acts with is named, and what it has to be instead."""
    fake = fakes(FakeBraintrust())
    mine = fake.plant_credential("api_key", "laptop")
    token = fake.plant_credential("service_token", "gateway")
    with pytest.raises(StepError) as raised:
        braintrust.create(apis(fake, api_key=mine.value), token.credential, "gateway-2")
    assert raised.value.reason == "permission_missing"
    assert "a service token of an organization owner" in raised.value.what
    assert mine.value not in str(raised.value)


@pytest.mark.usefixtures("changing")
@pytest.mark.parametrize("scope", SCOPES)
def test_a_variable_is_listed_and_removed_at_each_scope(fakes: Fakes, apis: Apis, scope: str) -> None:
    """Of the organization, a project, a function: one of them goes, those of the same name elsewhere stay."""
    fake = fakes(FakeBraintrust())
    api = apis(fake, **fake.secrets)
    planted = {one: fake.plant_credential("env_var", "OPENAI_API_KEY", one) for one in SCOPES}
    (found,) = braintrust.inventory(api, BRAINTRUST.kind("env_var"), scope)
    assert found.credential.where == f"braintrust:env_var/{scope}/OPENAI_API_KEY"
    braintrust.revoke(api, found.credential, None)
    assert braintrust.look(api, found.credential).exists is False
    left = [one.credential.scope for one in braintrust.inventory(api, BRAINTRUST.kind("env_var"), "")]
    assert left == [one for one in SCOPES if one != scope]
    assert fake.alive("env_var") == {one.value for name, one in planted.items() if name != scope}


@pytest.mark.usefixtures("changing")
def test_an_id_that_braintrust_does_not_take_is_no_deletion(fakes: Fakes, apis: Apis) -> None:
    """400 is its answer to an unknown id and to much else: the evidence says no more than that."""
    fake = fakes(FakeBraintrust())
    token = fake.plant_credential("service_token", "gateway").credential
    gone = token.model_copy(update={"id": str(uuid.UUID(int=999))})
    assert braintrust.delete(apis(fake, **fake.secrets), gone).says == f"{gone.label} is not taken for an id (400)"


def test_stored_secrets_are_listed_with_their_place_and_the_time_of_their_change(fakes: Fakes, apis: Apis) -> None:
    """Those of the organization and those of a project: where each is, as a sink, and when it last changed."""
    fake = fakes(FakeBraintrust())
    api = apis(fake, **fake.secrets)
    fake.plant_credential("ai_secret", "OPENAI_API_KEY")
    fake.plant_credential("env_var", "OPENAI_API_KEY")
    found = [one for kind in ("ai_secret", "env_var") for one in braintrust.inventory(api, BRAINTRUST.kind(kind), "")]
    assert [one.credential.where for one in found] == [
        "braintrust:ai_secret/OPENAI_API_KEY",
        f"braintrust:env_var/project/{PROJECT}/OPENAI_API_KEY",
    ]
    assert all(one.changed.startswith("2026-11-01T00:00:") for one in found)
