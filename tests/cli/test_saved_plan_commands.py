"""`firedoor plan --save` and `--graph`, and `firedoor run --plan`, on an emulated AWS account."""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from firedoor.errors import Exit
from tests.cli.conftest import Cli, serving, until
from tests.emulators import REGION, Emulator, People

RUNBOOK = """
name: shut
inputs:
  access_key_id: {type: string}
identity: [access_key_id]
steps:
  identify:
    uses: aws.iam.identify_access_key
    with: {access_key_id: '${{ inputs.access_key_id }}'}
  deactivate:
    uses: aws.iam.deactivate_access_key
    with:
      access_key_id: ${{ inputs.access_key_id }}
      user_name: ${{ steps.identify.user_name }}
      account: ${{ steps.identify.account }}
  sure:
    needs: [deactivate]
    ask: {prompt: Delete it?, fields: {delete: {type: boolean}}}
  delete:
    if: steps.sure.delete
    uses: aws.iam.delete_access_key
    with:
      access_key_id: ${{ inputs.access_key_id }}
      user_name: ${{ steps.identify.user_name }}
      account: ${{ steps.identify.account }}
"""


@pytest.fixture(scope="module")
def aws(ministack_server: Emulator) -> Emulator:
    """One emulated account for these tests."""
    ministack_server.reset()
    return ministack_server


@pytest.fixture(scope="module")
def aws_home(temporal_address: str, aws: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose worker acts on the emulated account."""
    home = tmp_path_factory.mktemp("aws-served")
    (home / "runbooks").mkdir()
    (home / "runbooks" / "shut.yaml").write_text(RUNBOOK)
    (home / "firedoor.toml").write_text(
        f'task_queue = "{home.name}"\nrunbooks = ["{home / "runbooks"}"]\n'
        f'[aws]\nendpoint_url = "{aws.url}"\nregion = "{REGION}"\nsettle_seconds = 2.0\n'
    )
    with serving(home, temporal_address, {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}):
        yield home


@pytest.fixture
def key(aws: Emulator, aws_home: Path, temporal_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's key, in an account that this process's command line responds for."""
    monkeypatch.setenv("FIREDOOR_HOME", str(aws_home))
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_address)
    aws.reset()
    return People(aws).user("backup-bot").access_key_id


def status(aws: Emulator, key: str) -> str:
    """Is the key active?"""
    found = aws.client("iam").list_access_keys(UserName="backup-bot")["AccessKeyMetadata"]
    return next(str(one["Status"]) for one in found if one["AccessKeyId"] == key)


def test_a_saved_plan_is_applied_exactly(cli: Cli, aws: Emulator, key: str, tmp_path: Path) -> None:
    """Plan, look, run the file: the key is deactivated; what depends on an answer is asked when it runs."""
    file, picture = tmp_path / "plan.json", tmp_path / "plan.svg"
    done = cli("plan", "shut", f"access_key_id={key}", "--save", str(file), "--graph", str(picture))
    assert done.code == 0, done.err + done.out
    assert "undo        aws.iam.activate_access_key" in done.out
    assert "Decided when it runs, and asked as the runbook says: delete" in done.out
    assert f"firedoor run --plan {file}" in done.out
    assert ET.XML(picture.read_text()).tag.endswith("svg")
    assert status(aws, key) == "Active"
    document = json.loads(cli("plan", "shut", f"access_key_id={key}", "-o", "json").out)
    assert document["undecided"] == ["delete"]
    assert document["blast_by_step"]["credentials"] == {"deactivate": 1}
    assert document["blast"]["accounts"] == 1
    assert document["dependents"] == {}
    assert document["at_least"] == {"blast": [], "dependents": []}

    done = cli("run", "--plan", str(file), "--yes")
    assert done.code == 0, done.err + done.out
    assert "All is as it was when user:" in done.out
    assert f"Started: shut-{key}" in done.out
    until(lambda: f"firedoor answer {key} sure" in cli("show", key).out)
    assert cli("answer", key, "sure", "delete=no").code == 0
    assert cli("watch", key).code == 0
    assert status(aws, key) == "Inactive"


def test_a_world_that_has_changed_is_refused(cli: Cli, aws: Emulator, key: str, tmp_path: Path) -> None:
    """Somebody deactivated the key after the plan was saved: nothing is started, and it says what was and what is."""
    file = tmp_path / "plan.json"
    assert cli("plan", "shut", f"access_key_id={key}", "--save", str(file)).code == 0
    aws.client("iam").update_access_key(UserName="backup-bot", AccessKeyId=key, Status="Inactive")
    done = cli("run", "--plan", str(file), "--yes")
    assert done.code == Exit.REFUSED
    assert "this has changed:" in done.err
    assert "deactivate:" in done.err
    assert "status: Active → Inactive" in done.err
    assert "Nothing was started" in done.err
    assert key not in cli("list").out


def test_a_saved_plan_joins_nothing(cli: Cli, key: str, tmp_path: Path) -> None:
    """An incident of the same identity runs with a plan of its own: the file is not applied, and that is said."""
    file = tmp_path / "plan.json"
    assert cli("run", "shut", f"access_key_id={key}", "--yes").code == 0
    until(lambda: f"firedoor answer {key} sure" in cli("show", key).out)
    assert cli("plan", "shut", f"access_key_id={key}", "--save", str(file)).code == 0
    done = cli("run", "--plan", str(file), "--yes")
    assert done.code == Exit.REFUSED
    assert f"shut-{key} is running already, with the plan that it was started with." in done.err
    assert "The saved plan was not applied." in done.err
    assert cli("abort", key, "--reason", "a test").code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "shut", "--plan", "plan.json"], "A saved plan has its runbook and its inputs: shut cannot be given"),
        (["run", "--plan", "no-such.json"], "no-such.json could not be read: No such file or directory."),
        (["run", "--plan", "."], "could not be read: Is a directory."),
        (["run"], "There is no runbook to run."),
        (["plan", "aws-access-key-leaked", "access_key_id=AKIAIOSFODNN7EXAMPLE", "--save", "/no/such/x"], "no folder"),
        (["plan", "aws-access-key-leaked", "access_key_id=AKIAIOSFODNN7EXAMPLE", "--graph", "/"], "/ is a folder."),
    ],
)
def test_what_does_not_fit_is_said_before_anything_happens(cli: Cli, arguments: list[str], says: str) -> None:
    """Without a server: a sentence, exit code 2, nothing was started."""
    done = cli(*arguments)
    assert done.code == Exit.USAGE
    assert says in done.err
    assert "Nothing was" in done.err


def test_a_damaged_file_starts_nothing(cli: Cli, tmp_path: Path) -> None:
    """Half a file is refused with what to do instead."""
    file = tmp_path / "plan.json"
    file.write_text('{"version": 1, "plan": {')
    done = cli("run", "--plan", str(file))
    assert done.code == Exit.USAGE
    assert "is not whole JSON" in done.err
    assert "firedoor plan RUNBOOK INPUT=VALUE… --save FILE" in done.err
