"""An upgrade never strands a running incident: recorded histories replay, and workers can be replaced at any time."""

import importlib.metadata
import itertools
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from firedoor.converter import data_converter
from firedoor.incident import StepState
from firedoor.plan import PlannedStep, Verdict
from tests.workflows import actions
from tests.workflows.conftest import Site, off, plan_of
from tests.workflows.recording import HISTORIES, SCENES
from workflows import WORKFLOWS

RECORDED = sorted(HISTORIES.glob("*/*.json"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_recorded_histories_replay(path: Path, tmp_path: Path) -> None:
    """Today's workflow takes the decisions that were taken when the history was recorded."""
    history = WorkflowHistory.from_json(f"test-plan-{path.stem}", path.read_text())
    replayer = Replayer(workflows=WORKFLOWS, data_converter=data_converter(key=None, blobs=tmp_path))
    await replayer.replay_workflow(history)


def test_every_release_has_recorded_its_scenes() -> None:
    """This release has recorded every scene, and no older one has lost any: scenes are only ever added."""
    releases = sorted(folder for folder in HISTORIES.iterdir() if folder.is_dir())
    assert releases[-1].name == importlib.metadata.version("firedoor")
    recorded = [{path.stem for path in folder.glob("*.json")} for folder in releases]
    assert recorded[-1] == {scene.__name__ for scene in SCENES}
    assert all(older <= newer for older, newer in itertools.pairwise(recorded))


async def test_a_replaced_worker_goes_on_where_the_other_stopped(site: Site) -> None:
    """Waiting for an approval and sleeping survive a new worker, which rebuilds the incident from its history."""
    plan = plan_of(
        off("gate", approval="security"), PlannedStep(id="hold", kind="wait", wait=2), off("after", ("hold", "gate"))
    )
    incident = await site.start(plan)
    await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
    await site.replace_worker()
    await site.approve(incident, "gate")
    await site.replace_worker()
    view = await site.engine.result(incident)
    assert view.verdict is Verdict.CONTAINED
    assert actions.WORLD.effects == ["gate", "after"]
