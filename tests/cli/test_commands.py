"""The verbs that need no incident: right and wrong input, exit codes, sentences."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from firedoor.app import shipped_runbooks
from firedoor.cli import checks
from firedoor.cli.views.checklist import Finding
from firedoor.config import Settings
from firedoor.errors import Exit
from firedoor.local import free_port
from firedoor.steps import STEPS
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.store import Timeline
from tests.cli.conftest import GUARDED, ROOT, Cli, until

BROKEN = "name: broken\nsteps:\n  one: {uses: aws.iam.identfy_access_key}\n"


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address at which nothing listens."""
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    return address


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["show", "x"],
        ["watch", "x"],
        ["approve", "x", "y"],
        ["deny", "x", "y", "--reason", "z"],
        ["retry", "x", "y"],
        ["skip", "x", "y", "--reason", "z"],
        ["abort", "x", "--reason", "z"],
        ["answer", "x", "y"],
        ["note", "x", "y"],
        ["pause", "x"],
        ["resume", "x"],
        ["extend", "x", "y", "12h"],
        ["invite", "x", "bob"],
        ["handover", "x", "bob"],
        ["undo", "x"],
        ["run", "aws-access-key-leaked", "access_key_id=AKIAIOSFODNN7EXAMPLE", "--yes"],
        ["plan", "aws-access-key-leaked", "access_key_id=AKIAIOSFODNN7EXAMPLE"],
    ],
)
def test_without_temporal_there_is_a_checklist(cli: Cli, closed: str, words: list[str]) -> None:
    """What was tried, how to start one, exit code 4, no traceback, and nothing on standard output."""
    done = cli(*words)
    assert done.code == Exit.UNREACHABLE
    assert f"No Temporal server answers at {closed}." in done.err
    assert "firedoor up" in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run"], "RUNBOOK"),
        (["run", "aws-access-key-leakd"], "Did you mean aws-access-key-leaked"),
        (["run", "/no/such/runbook.yaml"], "There is no file /no/such/runbook.yaml"),
        (["run", "aws-access-key-leaked"], "access_key_id is missing"),
        (["run", "aws-access-key-leaked", "access_key_id=hello"], "does not match"),
        (["run", "aws-access-key-leaked", "key=AKIAIOSFODNN7EXAMPLE"], "access_key_id"),
        (["run", "aws-access-key-leaked", "hello"], "'hello' is not input=value"),
        (["run", "aws-access-key-leaked", "a=1", "a=2"], "The input a is given twice"),
        (["plan", "nothing"], "There is no runbook 'nothing'"),
        (["deny", "x", "y"], "--reason"),
        (["skip", "x", "y", "--reason", " "], "The reason is empty"),
        (["abort", "x"], "--reason"),
        (["note", "x"], "The note is empty"),
        (["show"], "INCIDENT"),
        (["show", "x", "-o", "yaml"], "text"),
        (["list", "--limit", "many"], "many"),
        (["steps", "aws.iam.deny_session"], "Did you mean aws.iam.deny_sessions"),
        (["steps", "xyz"], "firedoor steps lists them all"),
        (["drill", "aws-access-key-leak"], "Did you mean aws-access-key-leaked?"),
        (["drill", "xyz"], "There are: ai-gateway-breached"),
        (["timeline", "x"], "There is no timeline at"),
        (["export", "x", "y.zip"], "There is no timeline at"),
        (["verify", "x.zip"], "Whose log is it?"),
        (["verify", "/no/such.zip", "--key", __file__], "/no/such.zip cannot be read: No such file or directory."),
        (["completion", "tcsh"], "tcsh"),
        (["nonsense"], "There is no verb 'nonsense'"),
        (["doctor", "--fix"], "--fix"),
    ],
)
def test_wrong_input_is_explained(cli: Cli, words: list[str], sentence: str) -> None:
    """A sentence that names what is wrong and what is right, and exit code 2."""
    done = cli(*words)
    assert done.code == Exit.USAGE
    assert sentence in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_a_key_that_is_none(cli: Cli, tmp_path: Path) -> None:
    """`verify` says which file it wants."""
    (tmp_path / "x.zip").write_bytes(b"x")
    (tmp_path / "x.pub").write_text("hello")
    done = cli("verify", str(tmp_path / "x.zip"), "--key", str(tmp_path / "x.pub"))
    assert done.code == Exit.USAGE
    assert "not the public key of a log" in done.err


def test_lint_of_what_is_shipped(cli: Cli) -> None:
    """Each with its title."""
    done = cli("lint")
    assert done.code == 0
    assert "✓ aws-access-key-leaked  Contain a leaked AWS access key" in done.out
    assert json.loads(cli("lint", "-o", "json").out) == []


def test_lint_of_mistakes(cli: Cli, tmp_path: Path) -> None:
    """Text with a caret, JSON and SARIF, and exit code 2 in each; what is right beside it changes nothing."""
    broken, right = tmp_path / "broken.yaml", tmp_path / "guarded.yaml"
    broken.write_text(BROKEN)
    right.write_text(GUARDED)
    done = cli("lint", str(broken), str(right))
    assert done.code == Exit.USAGE
    assert f"{broken}:3:15: error[unknown-action]" in done.out
    assert "^^^" in done.out
    assert "✗ 1 mistake in 1 of 2 files" in done.out
    (found,) = json.loads(cli("lint", str(broken), "-o", "json").out)
    assert (found["line"], found["code"]) == (3, "unknown-action")
    sarif = json.loads(cli("lint", str(broken), "-o", "sarif").out)
    assert sarif["runs"][0]["results"][0]["ruleId"] == "unknown-action"


def test_a_configured_runbook_stands_before_a_shipped_one(cli: Cli, tmp_path: Path) -> None:
    """So that a company can adapt what ships; a folder that does not exist is named."""
    home, folder = tmp_path / "home", tmp_path / "ours"
    home.mkdir()
    folder.mkdir()
    (home / "firedoor.toml").write_text(f'runbooks = ["{folder}"]\n')
    (folder / "aws-access-key-leaked.yaml").write_text(GUARDED.replace("name: guarded", "name: aws-access-key-leaked"))
    (folder / "guarded.yml").write_text(GUARDED)
    (folder / "notes.txt").write_text("not a runbook")
    linted = cli("lint").out.splitlines()
    assert "✓ aws-access-key-leaked" in linted
    assert "✓ guarded" in linted
    assert len(linted) == len(shipped_runbooks()) + 1
    (home / "firedoor.toml").write_text('runbooks = ["/no/such/folder"]\n')
    done = cli("lint")
    assert done.code == Exit.USAGE
    assert "/no/such/folder does not exist" in done.err


def test_steps(cli: Cli) -> None:
    """All, one, as text and as JSON."""
    assert all(action in cli("steps").out for action in STEPS)
    assert {one["action"] for one in json.loads(cli("steps", "-o", "json").out)} == set(STEPS)
    assert "iam:PutUserPolicy" in cli("steps", "aws.iam.deny_sessions").out
    one = json.loads(cli("steps", "aws.iam.deny_sessions", "-o", "json").out)
    assert one["undo"] == "aws.iam.lift_denies"
    assert "principal_arn" in one["arguments"]["properties"]


def test_the_policy_of_a_runbook(cli: Cli, tmp_path: Path) -> None:
    """The least privilege as an IAM document, with the roles that are configured."""
    (tmp_path / "home").mkdir()
    role = "arn:aws:iam::123456789012:role/firedoor"
    (tmp_path / "home" / "firedoor.toml").write_text(f'[aws.accounts.123456789012]\nrole_arn = "{role}"\n')
    document = json.loads(cli("steps", "--policy", "aws-access-key-leaked").out)
    actions = {action for statement in document["Statement"] for action in statement["Action"]}
    assert {"iam:UpdateAccessKey", "sts:AssumeRole"} <= actions
    assert any(role in statement["Resource"] for statement in document["Statement"])


def test_the_schema_is_json_schema(cli: Cli) -> None:
    """Of a runbook: it names its steps."""
    assert "steps" in json.loads(cli("schema").out)["properties"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_verbs(cli: Cli, shell: str) -> None:
    """A script for each shell."""
    done = cli("completion", shell)
    assert done.code == 0
    assert all(verb in done.out for verb in ("approve", "timeline", "doctor"))


def test_an_interrupt_says_that_the_incident_goes_on(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends what is shown, not what runs."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("firedoor.cli.lint.load", interrupt)
    done = cli("lint")
    assert done.code == Exit.INTERRUPTED
    assert "goes on" in done.err


def levels(findings: list[Finding]) -> dict[str, str]:
    """How each check went."""
    return {one.subject: one.level for one in findings}


def test_doctor_before_anything_is_there(cli: Cli, closed: str) -> None:
    """Everything is missing: each line says what to do, and the exit code is 1."""
    done = cli("doctor")
    assert done.code == Exit.FAILED
    assert f"✗ FAIL Temporal: No Temporal server answers at {closed}." in done.out
    assert "✗ FAIL AWS identity: Unable to locate credentials" in done.out
    assert "? warn timeline:" in done.out
    assert f"✓ ok   runbooks: {len(shipped_runbooks())} compile: ai-gateway-breached, " in done.out
    report = json.loads(cli("doctor", "-o", "json").out)
    assert {one["level"] for one in report} == {"ok", "warn", "fail"}
    assert all(one["next"] for one in report if one["level"] != "ok")


@pytest.mark.usefixtures("served")
def test_doctor_of_what_runs(cli: Cli) -> None:
    """Temporal, the worker, the keys and the timeline are found well."""
    cli("run", "close-the-door", "door=doctor", "--yes")
    found = {one["subject"]: one["level"] for one in json.loads(cli("doctor", "-o", "json").out)}
    well = (
        "data folder",
        "signing key",
        "codec key",
        "timeline",
        "Temporal",
        "search attributes",
        "worker",
        "runbooks",
    )
    assert [name for name in well if found[name] != "ok"] == []


def test_doctor_without_a_worker(cli: Cli, temporal_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporal answers, and nobody asks it for this installation's work."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_address)
    monkeypatch.setenv("FIREDOOR_TASK_QUEUE", "nobody-is-here")
    assert "✗ FAIL worker: none asks for work on task queue nobody-is-here" in cli("doctor").out


def test_keys_that_others_may_read(tmp_path: Path) -> None:
    """A failure, with the command that mends it; so is a folder that others may write to."""
    settings = Settings(home=tmp_path)
    settings.signing_key_path.touch(mode=0o600)
    settings.codec_key_path.touch()
    settings.codec_key_path.chmod(0o640)
    tmp_path.chmod(0o777)
    assert levels([*checks.folder(settings), *checks.keys(settings)]) == {
        "data folder": "fail",
        "signing key": "ok",
        "codec key": "fail",
    }
    assert "chmod 600" in next(one.next for one in checks.keys(settings) if one.level == "fail")
    assert levels(list(checks.keys(Settings(home=tmp_path, codec=False))))["codec"] == "warn"


def test_a_timeline_that_was_altered(tmp_path: Path) -> None:
    """A file that is no timeline fails; it is not called empty."""
    settings = Settings(home=tmp_path)
    settings.timeline_path.write_bytes(b"not a database" * 100)
    assert "the key that signs it is gone" in checks.timeline(settings).says
    settings.timeline_path.unlink()
    with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
        timeline.append([Draft(Kind.NOTE, "x", "1", {"say": "a"}), Draft(Kind.NOTE, "x", "2", {"say": "b"})])
    assert checks.timeline(settings).says.startswith("2 entries")
    with sqlite3.connect(settings.timeline_path) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE entry SET body = CAST(replace(body, '\"a\"', '\"c\"') AS BLOB) WHERE idx = 0")
    database.close()
    assert "not what was signed: entry 0 was changed" in checks.timeline(settings).says


def test_a_broken_runbook_is_found(tmp_path: Path) -> None:
    """The others count all the same."""
    (tmp_path / "broken.yaml").write_text(BROKEN)
    findings, plans = checks.shipped(Settings(home=tmp_path, runbooks=(tmp_path,)))
    assert levels(findings) == {"runbooks": "ok", "runbook broken": "fail"}
    assert {"aws-access-key-leaked", "provider-key-leaked"} <= {plan.name for plan in plans}


def test_programs_that_are_missing() -> None:
    """Only `up` and drills need them: a warning."""
    nowhere = Settings(home=Path("/"), emulator="/no/such/ministack")
    assert checks.emulator(nowhere).level == "warn"
    assert checks.programs(nowhere).level == "ok"


def test_up_refuses_a_port_in_use(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the port's number and how to find who has it; nothing is started."""
    monkeypatch.setattr("firedoor.cli.up.LEAVING_SECONDS", 0.2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = cli("up", "--port", str(port), "--ui-port", "0")
    assert done.code == Exit.USAGE
    assert f"Port {port} of this machine is in use" in done.err
    assert "Nothing was started." in done.err


@contextlib.contextmanager
def going_up(home: Path, port: int) -> Generator[subprocess.Popen[str]]:
    """`firedoor up` as a process, from the moment that it is up."""
    environment = {**os.environ, "FIREDOOR_HOME": str(home), "TEMPORAL_PROFILE": "production"}
    command = [sys.executable, "-m", "firedoor", "up", "--port", str(port), "--ui-port", "0"]
    with (home / "up.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, text=True)
        try:
            deadline = time.monotonic() + 60
            while "Ctrl-C" not in (home / "up.log").read_text():
                assert process.poll() is None, (home / "up.log").read_text()
                assert time.monotonic() < deadline, (home / "up.log").read_text()
                time.sleep(0.05)
            yield process
        finally:
            process.kill()
            process.wait(30)


def test_up_is_killed_and_started_again(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An incident survives SIGKILL; a second `up` on the same data is refused; SIGTERM ends it well."""
    home, port = tmp_path / "up", free_port()
    (home / "runbooks").mkdir(parents=True)
    (home / "runbooks" / "guarded.yaml").write_text(GUARDED)
    served = f"http://127.0.0.1:{free_port()}"
    settings = f'runbooks = ["{home / "runbooks"}"]\n[server]\nport = {served.rpartition(":")[2]}\n'
    (home / "firedoor.toml").write_text(settings)
    monkeypatch.setenv("FIREDOOR_HOME", str(home))
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{port}")
    with going_up(home, port) as up:
        said = (home / "up.log").read_text()
        assert f"{served}: no doors for alerts" in said
        until(lambda: httpx.get(f"{served}/readyz", trust_env=False).json()["ready"])
        assert f"127.0.0.1:{port}" in said
        assert str(home) in said
        assert cli("run", "guarded", "door=x", "--yes").code == 0
        assert "firedoor is up already" in cli("up", "--port", str(free_port())).err
        up.kill()
        assert up.wait(30) == -signal.SIGKILL
    with going_up(home, port) as up:
        until(lambda: "firedoor approve x gate" in cli("show", "guarded-x").out)
        up.terminate()
        assert up.wait(30) == 0
    assert "Incidents go on when firedoor is started again." in (home / "up.log").read_text()
