"""What is Hugging Face's own: revoked by value, by anybody, without a word of what was done."""

import pytest
from pydantic import SecretStr

from activities.credentials.proof import Subject
from activities.providers import huggingface
from firedoor.drill.fakes._fake import Fault, Said
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
    assert "then skip the step" in raised.value.next
    assert fake.log == []


@pytest.mark.parametrize("said", [Said(200, {"name": "ada"}), Said(429, {}, {"retry-after": "300"})])
def test_whoami_is_asked_once_for_a_proof(fakes: Fakes, apis: Apis, said: Said) -> None:
    """It is limited strictly on purpose: an answer that proves nothing is not asked for again and again."""
    fake = fakes(FakeHuggingFace())
    planted = fake.plant_credential("user_token", "gateway")
    fake.faults.append(Fault("GET", "/api/whoami-v2", times=99, instead=said))
    api = apis(fake)
    subject = Subject(huggingface, api, planted.credential, api.provider.kind(""), SecretStr(planted.value))
    reading, _ = subject.dead(None, 1.0)
    assert reading.life == ("live" if said.status == 200 else "unknown")
    assert len(fake.log) == 1
