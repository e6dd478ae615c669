"""What is Anthropic's own: statuses instead of deletion, and use that is told in tokens."""

import datetime

import pytest

from activities.providers import anthropic
from firedoor.drill.fakes.anthropic import FakeAnthropic
from firedoor.errors import StepError
from tests.faking import Fakes
from tests.providers.conftest import Apis


@pytest.mark.usefixtures("changing")
def test_an_archived_key_is_left_alone(fakes: Fakes, apis: Apis) -> None:
    """Archived is final: revoking it sends no change, and its state is told."""
    fake = fakes(FakeAnthropic())
    api = apis(fake, admin_key=fake.admin)
    planted = fake.plant_credential("api_key", "old")
    anthropic.delete(api, planted.credential)
    assert "is archived" in anthropic.revoke(api, planted.credential, None).says
    assert [one.method for one in fake.log] == ["POST", "GET"]


def test_a_key_is_listed_with_its_workspace_and_what_it_is(fakes: Fakes, apis: Apis) -> None:
    """Inactive, archived and active ones, each with the workspace that it is of."""
    fake = fakes(FakeAnthropic())
    api = apis(fake, admin_key=fake.admin)
    planted = [fake.plant_credential("api_key", f"gateway-{number}").credential for number in range(3)]
    for one, status in zip(planted, ("active", "inactive", "archived"), strict=True):
        fake.keys[one.id].status = status
    found = anthropic.inventory(api, api.provider.kind("api_key"), "")
    assert [one.status for one in found] == ["active", "inactive", "inactive"]
    assert [one.credential.scope for one in found] == [one.scope for one in planted]
    assert planted[0].scope


def test_use_is_read_in_tokens_by_model(fakes: Fakes, apis: Apis) -> None:
    """An hour a bucket, only of this key, from the full hour on."""
    fake = fakes(FakeAnthropic())
    api = apis(fake, admin_key=fake.admin)
    credential = fake.plant_credential("api_key", "gateway").credential
    for key, hour in ((credential.id, 8), (credential.id, 6), ("apikey_other", 8)):
        hours = {"start": f"2026-11-20T{hour:02}:00:00Z", "end": f"2026-11-20T{hour + 1:02}:00:00Z"}
        fake.uses.append({"key": key, "tokens": 70, "model": "claude-fake", **hours})
    since = datetime.datetime(2026, 11, 20, 7, 30, tzinfo=datetime.UTC)
    (use,) = anthropic.usage(api, credential, since)
    assert (use.tokens, use.requests, use.model, use.seconds) == (70, 0, "claude-fake", 3600)


def test_a_key_that_is_no_admin_key_is_a_sentence(fakes: Fakes, apis: Apis) -> None:
    """Which setting to correct is said; the key is not."""
    fake = fakes(FakeAnthropic())
    planted = fake.plant_credential("api_key", "gateway")
    with pytest.raises(StepError) as raised:
        anthropic.look(apis(fake, admin_key=planted.value), planted.credential)
    assert "Anthropic does not accept the credential that firedoor uses" in raised.value.what
    assert "[providers.anthropic]" in raised.value.next
    assert planted.value not in str(raised.value)
