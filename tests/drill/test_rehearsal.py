"""The parts of a drill that must fail when the proof is missing."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firedoor.config import Settings
from firedoor.drill import aws_access_key_leaked
from firedoor.drill.aws_access_key_leaked import AwsAccessKeyLeaked
from firedoor.drill.aws_people import Attacker, Workload
from firedoor.drill.emulators import Aws, AwsKey
from firedoor.drill.rehearsal import Audience, Rehearsal, drill, rehearsed
from firedoor.drill.responders import people
from firedoor.drill.result import Attempt, Proof, with_record
from firedoor.errors import UsageError
from firedoor.incident import Failure, IncidentState, StepState, StepView
from firedoor.runbook import RunbookErrors
from firedoor.timeline.verify import Class, Finding, Verification

ROOT = Path(__file__).parents[2]


def a_step(name: str, state: StepState, failure: Failure | None = None) -> StepView:
    """A step as a front door sees it."""
    return StepView(id=name, kind="uses", title="", state=state, failure=failure)


def a_rehearsal(tmp_path: Path) -> Rehearsal:
    """A rehearsal that has not begun."""
    return Rehearsal(AwsAccessKeyLeaked(), Settings(home=tmp_path), Audience())


def test_step_that_fails_twice_aborts_the_drill(tmp_path: Path) -> None:
    """The responder lets a step try once more, and then ends the drill with the step's own words."""
    staged = a_rehearsal(tmp_path)
    failed = a_step("deny_sessions", StepState.NEEDS_ATTENTION, Failure(reason="unknown", what="no answer"))
    first, second = staged._reply_to(failed), staged._reply_to(failed)
    assert first is not None
    assert second is not None
    assert (first.verb, second.verb) == ("retry", "abort")
    assert second.reason == "drill: deny_sessions needs a person: no answer"


def test_question_without_an_answer_in_the_script_aborts_the_drill(tmp_path: Path) -> None:
    """A runbook that asks something new must not make the drill wait for ever; a timer runs by itself."""
    staged = a_rehearsal(tmp_path)
    asked = staged._reply_to(a_step("shoe_size", StepState.WAITING_ANSWER))
    assert asked is not None
    assert (asked.verb, asked.reason) == ("abort", "drill: the script has no answer for shoe_size")
    assert staged._reply_to(a_step("nap", StepState.SLEEPING)) is None
    assert staged._reply_to(a_step("identify", StepState.RUNNING)) is None
    approval = staged._reply_to(a_step("delete_key", StepState.WAITING_APPROVAL))
    assert approval is not None
    assert approval.verb == "approve"


def a_copy(folder: Path, *changes: tuple[str, str]) -> Settings:
    """Settings with a folder that holds a copy of the shipped runbook, changed."""
    text = (ROOT / "runbooks" / "aws-access-key-leaked.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir()
    (folder / "aws-access-key-leaked.yaml").write_text(text)
    return Settings(home=folder.parent, runbooks=(folder,))


def test_ones_own_copy_of_the_runbook_is_rehearsed(tmp_path: Path) -> None:
    """A copy in a configured folder stands before the shipped one; a mistake in it ends the drill before its start."""
    shipped, _ = rehearsed("aws-access-key-leaked", Settings(home=tmp_path))
    assert shipped == ROOT / "runbooks" / "aws-access-key-leaked.yaml"
    own = a_copy(tmp_path / "own", ("Contain a leaked AWS access key", "Ours"))
    file, plan = rehearsed("aws-access-key-leaked", own)
    assert (file, plan.title) == (tmp_path / "own" / "aws-access-key-leaked.yaml", "Ours")
    broken = a_copy(tmp_path / "broken", ("aws.iam.deny_sessions", "aws.iam.deny_sesions"))
    with pytest.raises(RunbookErrors, match="deny_sesions"):
        Rehearsal(AwsAccessKeyLeaked(), broken, Audience())


def test_who_answers_is_whom_the_runbook_asks(tmp_path: Path) -> None:
    """Stand-ins for the people of the policy, as many as it takes; nobody is asked about a timer."""
    policy = "security: {from: ['role:security'], count: 1}"
    two = a_copy(tmp_path / "own", (policy, "security: {from: ['role:ops', 'user:grace'], count: 2}"))
    _, plan = rehearsed("aws-access-key-leaked", two)
    approvers = people(plan, "delete_key", "user:ada")
    assert [(one.principal, one.roles) for one in approvers] == [("user:grace", ("ops",)), ("user:ada", ("ops",))]
    assert [one.principal for one in people(plan, "production", "user:ada")] == ["user:grace"]
    assert [one.roles for one in people(plan, "hold", "user:ada")] == [()]


async def test_emulator_that_is_gone_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is no refusal: with the emulator dead, attack and production both count against containment."""
    monkeypatch.setattr(aws_access_key_leaked, "RECOVERY_SECONDS", 0.5)
    scenario, gone = AwsAccessKeyLeaked(), Aws("http://127.0.0.1:9")
    key = AwsKey("AKIAFAKE", "fake")
    scenario.aws, scenario.leaked_key = gone, key
    scenario.attacker = Attacker(gone, {"the leaked key": key}, role_arn="arn", secret="openai")
    scenario.workload = Workload(gone, key, role_arn="arn", secret="openai")
    ok = Attempt(who="the leaked key", call="secretsmanager:GetSecretValue", answer="ok", at="2026-01-01T00:00:00.000Z")
    scenario.attacker.attempts.append(ok)
    proof = await scenario.prove()
    assert not proof.holds
    text = " ".join(proof.doubts)
    assert "was answered EndpointConnectionError, which proves nothing" in text
    assert "Production could not read its secret again" in text
    assert "What gateway/customers/openai holds now cannot be read (EndpointConnectionError)." in text


async def test_credential_that_never_worked_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal counts only for a credential that was seen to work before."""
    monkeypatch.setattr(aws_access_key_leaked, "RECOVERY_SECONDS", 0.5)
    scenario, gone = AwsAccessKeyLeaked(), Aws("http://127.0.0.1:9")
    scenario.aws, scenario.leaked_key = gone, AwsKey("AKIAFAKE", "fake")
    scenario.attacker = Attacker(gone, {}, role_arn="arn", secret="openai")
    scenario.workload = Workload(gone, scenario.leaked_key, role_arn="arn", secret="openai")
    refused = Attempt(who="the leaked key", call="sts:AssumeRole", answer="AccessDenied", at="2026-01-01T00:00:00.000Z")
    scenario.attacker.attempts.append(refused)
    proof = await scenario.prove()
    assert "the leaked key never worked: {'AccessDenied': 1}." in proof.doubts
    assert not proof.holds


async def test_attack_that_does_not_work_ends_the_drill_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the planted key cannot even attack, the drill says so instead of celebrating its refusal."""
    monkeypatch.setattr(aws_access_key_leaked, "BEGIN_SECONDS", 0.5)
    scenario, gone = AwsAccessKeyLeaked(), Aws("http://127.0.0.1:9")
    key = AwsKey("AKIAFAKE", "fake")
    scenario.attacker = Attacker(gone, {"the leaked key": key}, role_arn="arn", secret="openai")
    scenario.workload = Workload(gone, key, role_arn="arn", secret="openai")
    try:
        with pytest.raises(UsageError, match="The drill cannot begin: the planted attack does not work"):
            await scenario.begin()
    finally:
        await scenario.tear_down()


async def test_incident_that_does_not_end_is_aborted(
    tmp_path: Path, emulator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drill that takes too long is ended, and has proved nothing."""
    monkeypatch.setattr(AwsAccessKeyLeaked, "limit", 2.0)
    settings = Settings(home=tmp_path / "unused", emulator=str(emulator))
    result = await drill(AwsAccessKeyLeaked(), settings, Audience(), tmp_path / "kept")
    assert not result.contained
    assert result.state is IncidentState.ABORTED
    assert "the drill has not ended within 2 s" in result.sentence


def test_record_that_does_not_verify_speaks_against_containment() -> None:
    """A refused attacker and a forged record together prove nothing; a missing anchor alone is only counted."""
    probe = Attempt(who="the leaked key", call="sts:AssumeRole", answer="AccessDenied", at="")
    anchor = Finding(Class.UNANCHORED, "checkpoint", "nobody else has seen it")
    forged = Finding(Class.FAILED, "entries/000001.json", "is not what was signed")
    found = Verification(True, "log", "incident", 1, 1, "", "", "", "", (anchor,))
    proof = with_record(Proof(probes=(probe,)), found)
    assert proof.holds
    assert proof.record == {"UNANCHORED": 1}
    proof = with_record(proof, dataclasses.replace(found, ok=False, findings=(anchor, forged)))
    assert not proof.holds
    assert "does not verify: entries/000001.json: is not what was signed" in proof.doubts[0]


def processes_of(folder: Path) -> list[int]:
    """Processes that have the folder in their command line or environment."""
    wanted = str(folder).encode()
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            except OSError:
                continue
            if wanted in text:
                found.append(int(process.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_drill_that_is_ended_leaves_no_process_and_no_folder(
    tmp_path: Path, emulator: Path, number: signal.Signals
) -> None:
    """Ctrl-C or SIGTERM in the middle stops the server, the worker and the emulator, and removes the folder.

    After a kill -9 the reaper stops them; only the folder stays.
    """
    code = f"""
import asyncio, signal, tempfile
from pathlib import Path
from firedoor.config import Settings
from firedoor.drill.aws_access_key_leaked import AwsAccessKeyLeaked
from firedoor.drill.rehearsal import Audience, drill
signal.signal(signal.SIGINT, signal.default_int_handler)
tempfile.tempdir = {str(tmp_path)!r}
settings = Settings(home=Path({str(tmp_path)!r}), emulator={str(emulator)!r})
asyncio.run(drill(AwsAccessKeyLeaked(), settings, Audience(tell=lambda text: print(text, flush=True))))
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as running:
        assert running.stdout
        assert "runbooks/aws-access-key-leaked.yaml" in running.stdout.readline()
        assert "planted" in running.stdout.readline()
        assert len(processes_of(tmp_path)) >= 3
        running.send_signal(number)
        _, error = running.communicate(timeout=60)
    assert running.returncode != 0
    words = {signal.SIGINT: "KeyboardInterrupt", signal.SIGTERM: "ended by SIGTERM", signal.SIGKILL: ""}
    assert words[number] in error
    deadline = time.monotonic() + 10
    while processes_of(tmp_path):
        assert time.monotonic() < deadline, processes_of(tmp_path)
        time.sleep(0.1)
    if number is not signal.SIGKILL:
        assert list(tmp_path.glob("firedoor-drill-*")) == []
