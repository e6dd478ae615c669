"""What the shipped runbooks tell customers: in each language of the notice, for half a letter is in none."""

from pathlib import Path

import pytest

from firedoor.catalog import Shelves
from firedoor.config import Settings
from firedoor.notices.folder import load_notice
from firedoor.plan import PlannedStep

NOWHERE = Settings(home=Path("/nowhere"))
STEPS = {
    f"{name}.{step.id}": step
    for name, plan in Shelves(NOWHERE).now().plans.items()
    for step in plan.steps
    if step.campaign
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_what_is_said_is_said_in_each_language_of_the_notice(step: PlannedStep) -> None:
    """A sentence of a runbook in the middle of a German letter is German. What is read from a step has no language."""
    assert step.campaign
    languages = load_notice(step.campaign.notice, step.campaign.version, NOWHERE).languages
    sentences = {name: value for name, value in step.arguments.items() if not str(value).startswith("${{")}
    assert sentences
    for name, value in sentences.items():
        assert isinstance(value, dict), name
        assert set(value) == set(languages), name
