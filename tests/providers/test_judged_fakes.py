"""The fixture `fakes`: what a client sends and a fake answers is judged, whatever the test itself looks at."""

import httpx
import pytest

from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.openai import FakeOpenAI
from tests.faking import Fakes
from tests.shared import needs_shared

PROJECTS = "/v1/organization/projects"


@needs_shared
def test_every_exchange_with_a_fake_is_judged(fakes: Fakes) -> None:
    """A right one passes, also when the fake spoils its answer; what is not in the document is found."""
    fake = fakes(FakeOpenAI())
    fake.faults.append(Fault("GET", PROJECTS, instead=Said(200, b"<html>")))
    headers = {"Authorization": f"Bearer {fake.admin}"}
    with httpx.Client(base_url=fake.url, headers=headers, trust_env=False) as client:
        assert client.get(PROJECTS).text == "<html>"
        assert client.get(PROJECTS, params={"limit": 1}).json()["has_more"] is False
        fakes.judge()
        client.get(PROJECTS, params={"size": 1})
        with pytest.raises(AssertionError, match="the query parameter size is not declared"):
            fakes.judge()
        fake.log.clear()
        client.get(PROJECTS, headers={"Authorization": ""})
        with pytest.raises(AssertionError, match="the credential is missing"):
            fakes.judge()
        fake.log.clear()
