"""What is Hugging Face's own: revoked by value, by anybody, without a word of what was done."""

import pytest
from pydantic import SecretStr

from activities.providers import huggingface
from firedoor.drill.fakes.huggingface import FakeHuggingFace
from firedoor.errors import StepError
from tests.faking import Fakes
from tests.providers.conftest import Apis


@pytest.mark.usefixtures("changing")
def test_it_is_revoked_without_a_credential_of_ours(fakes: Fakes, apis: Apis) -> None:
    """No Authorization header; other tokens live on; a token that never was gets the same answer."""
    fake = fakes(FakeHuggingFace())
    leaked, other = (fake.plant_credential("user_token", name) for name in ("gateway", "laptop"))
    evidence = huggingface.revoke(apis(fake), leaked.credential, SecretStr(leaked.value))
    assert "whether or not there is such a token" in evidence.says
    assert "authorization" not in fake.log[-1].headers
    assert fake.values == {other.value}
    huggingface.revoke(apis(fake), leaked.credential, SecretStr("hf_never"))


@pytest.mark.usefixtures("changing")
def test_without_the_value_nobody_can(fakes: Fakes, apis: Apis) -> None:
    """A person is told both ways: give the value, or delete it at the console."""
    fake = fakes(FakeHuggingFace())
    with pytest.raises(StepError) as raised:
        huggingface.revoke(apis(fake), fake.plant_credential("user_token", "gateway").credential, None)
    assert raised.value.reason == "needs_person"
    assert "Give `value`" in raised.value.next
    assert fake.log == []
