"""Many leaked values in a real incident: what the provider's limit leaves open, a later round proves."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from firedoor.compiler import compile_runbook
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.github import FakeGitHub
from firedoor.incident import StepState
from firedoor.inputs import resolve_inputs
from firedoor.plan import Verdict
from tests.faking import Fakes
from tests.opened import opened
from tests.rotating import one
from tests.stopping import check_record, installed, stopped
from tests.workflows.conftest import Site

ROOT = Path(__file__).resolve().parents[1]
MANY = 200
LIMIT = Said(403, {"message": "API rate limit exceeded"})


@pytest.fixture
def github(fakes: Fakes) -> FakeGitHub:
    """Revokes many with one call, and soon tells nothing more."""
    return fakes(FakeGitHub())


@pytest.fixture
async def site(temporal_address: str, tmp_path: Path, github: FakeGitHub) -> AsyncGenerator[Site]:
    """An installation that calls it as often as it likes."""
    more: dict[str, Any] = {
        "providers": {"github": {"base_url": github.url}},
        "limits": {"github": {"rate": 10_000, "burst": 10_000}},
        "roles": {"security": ["user:ada"]},
    }
    async with installed(temporal_address, tmp_path / "home", **more) as one:
        yield one


async def test_a_later_round_proves_what_the_limit_left_open(site: Site, github: FakeGitHub, tmp_path: Path) -> None:
    """Those proved before are neither sent nor tried again; the list is large, and no value is anywhere."""
    tokens = [github.plant_credential("personal_access_token", f"ci-{number}").value for number in range(MANY)]
    (tmp_path / "leaked").write_text("\n".join(tokens))
    github.faults.append(Fault("GET", "/user", times=7, instead=LIMIT))
    arguments: dict[str, Any] = {"provider": "github", "values": [f"file:{tmp_path}/leaked"]}
    incident = await site.start(one("credential.revoke_values", "breach", **arguments))
    view = await site.shows(incident, lambda view: view.steps[0].state is StepState.NEEDS_ATTENTION)
    assert view.steps[0].verdict is Verdict.UNKNOWN
    assert github.alive("personal_access_token") == set()
    first = len(github.log)
    assert first == 1 + MANY
    await site.decide(incident, "retry", "act", reason="an hour later")
    ended = await site.engine.result(incident)
    assert ended.verdict is Verdict.CONTAINED
    again = github.log[first:]
    assert [call.path for call in again] == ["/credentials/revoke"] + ["/user"] * 7
    assert len(json.loads(again[0].body)["credentials"]) == 7
    check_record(site, incident, tmp_path)
    written = [await opened(site.client, incident), site.settings.timeline_path.read_bytes()]
    assert not any(b"canary" in one for one in written)


async def test_the_runbook_takes_a_list_instead_of_one_token(site: Site, github: FakeGitHub, tmp_path: Path) -> None:
    """Nobody is asked for a token: all of the list die by one call, then a person looks what was done with them."""
    tokens = [github.plant_credential("personal_access_token", f"ci-{number}").value for number in range(3)]
    (tmp_path / "leaked").write_text("\n".join(tokens))
    plan = compile_runbook((ROOT / "runbooks" / "github-token-leaked.yaml").read_text())
    given = {"token": "scan-of-may", "tokens": f"file:{tmp_path}/leaked"}
    incident = await site.start(plan, resolve_inputs(plan, given))
    await site.reaches(incident, "audit", StepState.WAITING_ANSWER)
    assert github.alive("personal_access_token") == set()
    await site.decide(incident, "answer", "audit", answers={"clean": True})
    ended = await site.engine.result(incident)
    assert ended.verdict is Verdict.CONTAINED
    done = {step.id for step in ended.steps if step.state is StepState.DONE}
    assert done == {"revoke_all", "audit"}


#: Which provider it is, the compiler cannot know.
GIVEN = """
name: given
inputs: {provider: {type: string, description: Whose they are}}
steps:
  act: {uses: credential.revoke_values, with: {provider: '${{ inputs.provider }}', values: ['file:/leaked']}}
"""


async def test_a_provider_without_batches_that_comes_as_an_input(site: Site) -> None:
    """The step says what the compiler would have said, and nothing was changed."""
    case = await stopped(site, compile_runbook(GIVEN), provider="slack")
    failure = case.failure()
    assert (failure.reason, failure.changed) == ("invalid_arguments", "Nothing was changed.")
    assert failure.what == (
        "credential.revoke_values was given arguments that do not fit: no call of Slack revokes many of its token by "
        "their values: revoke them one by one, credential.revoke with for_each."
    )
