"""The whole drill: real Temporal, real worker, an emulator that enforces. Its proof must be able to fail."""

import asyncio
import base64
import json
import os
import signal
import time
import urllib.parse
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from firedoor.config import Settings
from firedoor.drill.aws_access_key_leaked import ROLE, AwsAccessKeyLeaked
from firedoor.drill.rehearsal import Audience, Rehearsal, drill, empty_folder
from firedoor.drill.result import DrillResult
from firedoor.drill.toml import toml
from firedoor.errors import UsageError
from firedoor.incident import IncidentState, IncidentView, StepState
from firedoor.plan import Verdict
from firedoor.timeline.store import Timeline
from firedoor.timeline.verify import Class, verify


@dataclass(frozen=True)
class Kept:
    """A drill that was run, and what it left."""

    result: DrillResult
    scenario: AwsAccessKeyLeaked
    folder: Path
    views: list[IncidentView]


def state_of(view: IncidentView, step: str) -> StepState:
    """Where a step stands."""
    return next(one.state for one in view.steps if one.id == step)


def stage(
    folder: Path,
    emulator: Path,
    scenario: AwsAccessKeyLeaked,
    act: Callable[[Rehearsal, IncidentView], None] = lambda *_: None,
) -> Kept:
    """Run a drill; `act` may interfere whenever the incident changes."""
    views: list[IncidentView] = []
    settings = Settings(home=folder / "unused", emulator=str(emulator))

    def show(view: IncidentView) -> None:
        views.append(view)
        act(rehearsal, view)

    rehearsal = Rehearsal(scenario, settings, Audience(show=show))
    kept = empty_folder(folder / "kept")
    return Kept(asyncio.run(rehearsal.run(kept)), scenario, kept, views)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, emulator: Path) -> Kept:
    """One drill that nobody disturbed."""
    return stage(tmp_path_factory.mktemp("drill"), emulator, AwsAccessKeyLeaked())


def test_containment_is_proved_by_the_emulators_refusals(kept: Kept) -> None:
    """The verdict rests on calls that worked before and are refused now, with every credential of the attacker."""
    result = kept.result
    assert result.contained, result.sentence
    assert result.state is IncidentState.COMPLETED
    assert result.verdict is Verdict.CONTAINED
    attacks = [probe for probe in result.proof.probes if probe.who != "production"]
    assert {probe.who for probe in attacks} >= {
        "the leaked key",
        "the second key it made",
        "the key of a user it made",
        "a session of the user",
        "session of the role 1",
    }
    assert all(probe.answer != "ok" for probe in attacks)
    assert result.proof.probes[-1].who == "production"
    assert result.proof.probes[-1].answer == "ok"
    assert result.proof.attacker_first_refusal
    for who in {probe.who for probe in attacks}:
        assert result.proof.calls[who]["ok"] > 0


def test_every_containment_step_has_a_verdict_with_evidence(kept: Kept) -> None:
    """Each step that shut something names the provider's answer; steps of the 36 hours are skipped, not passed."""
    steps = {step.id: step for step in kept.result.steps}
    at_once = ("deactivate", "deny_sessions", "deactivate_siblings", "disable_service_credentials", "deny_roles")
    for name in (*at_once, "shut_made", "deny_made", "rotate"):
        assert steps[name].state is StepState.DONE, steps[name]
        assert steps[name].verdict is Verdict.CONTAINED, steps[name]
    assert steps["deactivate"].evidence
    assert steps["delete_key"].state is StepState.DONE
    assert steps["hold"].state is StepState.SKIPPED
    assert steps["lift_denies"].state is StepState.SKIPPED


def test_drill_leaves_its_result_and_the_record(kept: Kept) -> None:
    """result.json is the result; the exported timeline, the public key and the data folder stand beside it."""
    assert DrillResult.model_validate_json((kept.folder / "result.json").read_bytes()) == kept.result
    written = json.loads((kept.folder / "result.json").read_text())
    assert written["incident"] == f"aws-access-key-leaked-{kept.scenario.leaked_key.id}"
    found = verify((kept.folder / "incident.zip").read_bytes(), (kept.folder / "timeline.pub").read_text().strip())
    assert found.ok
    assert found.incident == kept.result.incident
    assert {finding.kind for finding in found.findings} <= {Class.UNANCHORED}
    assert kept.result.proof.record == {"UNANCHORED": 1}
    assert (kept.folder / "data" / "timeline.sqlite").exists()


def test_drill_takes_less_than_a_minute(kept: Kept) -> None:
    """From nothing to the proof, on a machine that does other things as well."""
    assert kept.result.seconds + kept.result.setup_seconds < 60


def test_it_is_shown_live(kept: Kept) -> None:
    """Whoever watches sees steps run before the end, not only the end."""
    assert any(state_of(view, "deactivate") is StepState.RUNNING for view in kept.views)
    assert kept.views[-1].state is IncidentState.COMPLETED


def variants(secret: str) -> Iterator[bytes]:
    """A secret as it might be written: plain, URL-encoded, hex, and base64 at each of the three alignments."""
    raw = secret.encode()
    yield raw
    yield urllib.parse.quote(secret, safe="").encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for offset in range(3):
        # The characters that depend on neighbouring bytes are left out at both ends.
        encoded = base64.b64encode(b"\0" * offset + raw)
        inner = encoded[4 if offset else 0 : -4]
        yield inner
        yield inner.replace(b"+", b"-").replace(b"/", b"_")


def every_byte(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a folder, and the members of archives."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    yield from ((f"{path}!{name}", archive.read(name)) for name in archive.namelist())


def secrets_of(scenario: AwsAccessKeyLeaked) -> list[str]:
    """Every secret that was on the stage."""
    keys = [scenario.responder_key, scenario.leaked_key, *scenario.attacker.credentials.values()]
    minted = [key.value for key in (*scenario.openai.keys.values(), *scenario.openai.admin_keys.values())]
    values = [
        *minted,
        *scenario.canaries.values(),
        *(key.secret for key in keys),
        *(key.token for key in keys if key.token),
    ]
    return sorted(set(values))


def test_no_secret_is_anywhere_in_what_a_drill_leaves(kept: Kept) -> None:
    """Neither planted secrets nor anybody's keys are in Temporal's database, the timeline, logs, blobs or the export."""
    secrets = secrets_of(kept.scenario)
    assert len(secrets) >= 12
    wanted = [(secret, variant) for secret in secrets for variant in set(variants(secret))]
    files = list(every_byte(kept.folder))
    assert any(name.endswith("temporal.db") for name, _ in files)
    assert any(name.endswith("worker.log") for name, _ in files)
    found = [f"{secret[:12]}… in {name}" for name, data in files for secret, variant in wanted if variant in data]
    assert found == []


def test_the_search_for_secrets_can_find_one(tmp_path: Path) -> None:
    """The search above finds a secret in each encoding, also inside an archive and inside other text."""
    secret = "sk-canary-openai-0123456789+/abcdef"
    for number, variant in enumerate(variants(secret)):
        (tmp_path / str(number)).write_bytes(b"before " + variant + b" after")
    (tmp_path / "b64").write_bytes(base64.b64encode(b'{"key":"' + secret.encode() + b'"}'))
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside", secret)
    for name, data in every_byte(tmp_path):
        if not name.endswith(".zip"):
            assert any(variant in data for variant in variants(secret)), name


def until_begun(path: Path, step: str) -> None:
    """Wait until the step's change has an intent in the timeline: from there on it may be in doubt."""
    deadline = time.monotonic() + 20
    with Timeline.read(path) as timeline:
        while not any(
            stored.entry.kind == "action.intent" and stored.entry.part("cause")["step"] == step
            for stored in timeline.entries()
        ):
            assert time.monotonic() < deadline
            time.sleep(0.005)


@pytest.mark.parametrize("step", ["deny_sessions", "delete_key"])
def test_killed_worker_changes_nothing_but_the_duration(tmp_path: Path, emulator: Path, step: str) -> None:
    """A kill -9 of the worker in the middle: it is started again, what it began is finished, containment is proved."""
    killed: list[int] = []
    calls: Counter[str] = Counter()
    scenario = AwsAccessKeyLeaked()
    # A step that waits for approval runs twice: it shows what it would do, and does it once that is approved.
    asked: set[StepState] = set() if step == "delete_key" else {StepState.WAITING_APPROVAL}

    def kill(rehearsal: Rehearsal, view: IncidentView) -> None:
        pid, state = rehearsal.supervisor.pid("worker"), state_of(view, step)
        if state is StepState.WAITING_APPROVAL:
            asked.add(state)
        if not killed and pid and state is StepState.RUNNING and asked:
            until_begun(tmp_path / "kept/data/timeline.sqlite", step)
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)
        if view.state is IncidentState.COMPLETED:
            pages = scenario.aws.client("cloudtrail").get_paginator("lookup_events")
            own = {"AttributeKey": "AccessKeyId", "AttributeValue": scenario.responder_key.id}
            calls.update(
                event["EventName"] for page in pages.paginate(LookupAttributes=[own]) for event in page["Events"]
            )

    done = stage(tmp_path, emulator, scenario, kill)
    assert killed
    assert done.result.worker_restarts == 1
    assert done.result.contained, done.result.sentence
    assert done.result.proof.holds
    # The leaked key and the two that the attacker made; and each deletion once. One that is in doubt is sent again.
    assert calls["UpdateAccessKey"] == 3
    assert calls["DeleteLoginProfile"] == 1
    assert calls["DeleteAccessKey"] in ({1, 2} if step == "delete_key" else {1})
    # What the dead attempt had begun has an outcome, or was reconciled: nothing is left open in the export.
    found = verify((done.folder / "incident.zip").read_bytes(), (done.folder / "timeline.pub").read_text().strip())
    assert found.ok
    assert found.of(Class.UNRESOLVED) == ()
    with zipfile.ZipFile(done.folder / "incident.zip") as bundle:
        entries = [json.loads(bundle.read(name)) for name in bundle.namelist() if name.endswith(".json")]
    attempts = {
        one["cause"]["attempt"]
        for one in entries
        if one.get("kind") == "action.outcome" and one["cause"]["step"] == step
    }
    assert max(attempts) > 1
    assert any(one.get("kind") == "action.reconciled" and one["cause"]["step"] == step for one in entries)


def test_second_way_in_is_not_called_contained(tmp_path: Path, emulator: Path) -> None:
    """An attacker who also holds another user's key is still in, and the drill says with what."""
    done = stage(tmp_path, emulator, AwsAccessKeyLeaked(spare_key=True))
    assert not done.result.contained
    assert done.result.verdict is Verdict.CONTAINED
    assert "with a key of another user worked" in done.result.sentence
    assert done.result.sentence.startswith("NOT contained.")


def test_deny_that_vanishes_is_not_called_contained(tmp_path: Path, emulator: Path) -> None:
    """Somebody removes the deny of the role after it was proved: the old session works again, and the drill says so."""

    def undo(rehearsal: Rehearsal, view: IncidentView) -> None:
        if state_of(view, "delete_key") is StepState.DONE:
            iam = done_scenario.aws.client("iam")
            for name in iam.list_role_policies(RoleName=ROLE)["PolicyNames"]:
                if name != "secrets":
                    iam.delete_role_policy(RoleName=ROLE, PolicyName=name)

    done_scenario = AwsAccessKeyLeaked()
    done = stage(tmp_path, emulator, done_scenario, undo)
    assert not done.result.contained
    assert "with session of the role 1 worked" in done.result.sentence


async def test_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    """A drill overwrites nothing: what an earlier one left is evidence."""
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(UsageError, match="is not empty"):
        await drill(AwsAccessKeyLeaked(), Settings(home=tmp_path), Audience(), tmp_path)


def test_settings_are_written_as_toml() -> None:
    """Texts, numbers and lists reach firedoor.toml as they are."""
    text = toml(
        {"aws": {"endpoint_url": "http://127.0.0.1:1", "settle_seconds": 2.0}, "roles": {"security": ["user:ada"]}}
    )
    assert text == (
        '[aws]\nendpoint_url = "http://127.0.0.1:1"\nsettle_seconds = 2.0\n\n[roles]\nsecurity = ["user:ada"]\n'
    )
