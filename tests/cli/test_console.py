"""The edge of the process: help without imports, streams of every kind, errors for people, a file for the unexpected."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from firedoor.cli import failure
from firedoor.cli.console import BROKEN_PIPE
from firedoor.cli.entry import TEXTS, help_text, main
from firedoor.cli.verbs import VERBS
from firedoor.errors import Exit, FiredoorError

ROOT = Path(__file__).resolve().parents[2]


def firedoor(*arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[bytes]:
    """The whole program, as a process."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "firedoor", *arguments]
    return subprocess.run(command, capture_output=True, check=False, timeout=30, env=environment, cwd=ROOT)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_of_the_program(arguments: list[str]) -> None:
    """Every way to ask for it gives the overview, which names each verb."""
    text = help_text(arguments)
    assert text is not None
    assert all(f"\n  {verb.name} " in text for verb in VERBS)


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_help_of_a_verb(verb: str) -> None:
    """It begins with the usage and fits 80 columns."""
    text = help_text([verb, "--help"])
    assert text is not None
    assert text.startswith(f"Usage: firedoor {verb}")
    assert max(map(len, text.splitlines())) <= 80
    assert help_text(["help", verb]) == text
    assert help_text([verb, "x=1", "-h"]) == text


@pytest.mark.parametrize(
    "arguments", [["run"], ["run", "--", "--help"], ["../../x", "--help"], ["nothing", "--help"], ["run", "x"]]
)
def test_what_does_not_ask_for_help(arguments: list[str]) -> None:
    """Goes to the parser; no file outside the help's folder is ever read."""
    assert help_text(arguments) is None


def test_help_imports_next_to_nothing() -> None:
    """A person who asks for help does not wait for a parser, for Temporal or for AWS."""
    code = (
        "import sys; sys.argv = ['firedoor', 'run', '--help']\n"
        "from firedoor.cli.entry import main\n"
        "main(); print(sorted(name for name in sys.modules if name.split('.')[0] in "
        "{'cyclopts', 'rich', 'temporalio', 'pydantic', 'boto3', 'asyncio'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_door_answers_help_itself(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And hands everything else on."""
    monkeypatch.setattr(sys, "argv", ["firedoor", "--help"])
    assert main() == 0
    assert capsys.readouterr().out == (TEXTS / "firedoor.txt").read_text(encoding="utf-8")


def test_help_in_ascii() -> None:
    """A terminal without UTF-8 gets the same help, sign by sign."""
    done = firedoor("run", "--help", encoding="ascii")
    assert done.returncode == 0
    assert done.stdout.decode("ascii").splitlines()[0].startswith("Usage: firedoor run RUNBOOK [INPUT=VALUE.]")


def test_signs_in_ascii() -> None:
    """Signs become ASCII characters of the same width, so that columns stay in line."""
    text = "✓ → · … “x” ▶ 語".encode("ascii", errors="firedoor-ascii")
    assert text == b'+ > - . "x" > ?'


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`firedoor steps | head -1` ends silently, as a shell expects of a closed pipe."""
    with subprocess.Popen(
        [sys.executable, "-m", "firedoor", "steps"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(30) == 141
        assert process.stderr.read() == b""


def test_an_unknown_verb_is_a_sentence() -> None:
    """With the nearest verb, exit code 2 and no traceback."""
    done = firedoor("aprove")
    assert done.returncode == 2
    assert b"There is no verb 'aprove'.\n       Did you mean approve" in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_the_version() -> None:
    """`--version` says it and nothing else."""
    done = firedoor("--version")
    assert done.returncode == 0
    assert len(done.stdout.decode().split()) == 1


def test_an_error_says_what_what_changed_and_what_next() -> None:
    """In this order, each on lines of its own."""
    console = Console(file=io.StringIO(), width=80, color_system=None)
    with console.capture() as capture:
        failure.show(FiredoorError("It broke.\nBadly.", changed="Nothing was changed.", next="Mend it."), console)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert lines == ["error: It broke.", "       Badly.", "       Nothing was changed.", "       Mend it."]


def test_what_nobody_expected_is_kept_in_a_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for the person, the traceback in a file that only they can read, the arguments in neither."""
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path / "new-home"))
    monkeypatch.setattr(sys, "argv", ["firedoor", "answer", "token=not-a-real-secret"])
    failure.report(RuntimeError, RuntimeError("a bug"), None)
    (file,) = (tmp_path / "new-home").glob("failure-*.txt")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "RuntimeError: a bug" in file.read_text()
    assert "verb: answer" in file.read_text()
    told = capsys.readouterr().err
    assert f"Details: {file}" in told.replace("\n", "")
    assert "Traceback" not in told
    assert "not-a-real-secret" not in told + file.read_text()


def test_a_home_that_cannot_be_made_does_not_hide_the_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then the file goes to the system's folder for temporary files."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    failure.report(ValueError, ValueError("a bug"), None)
    assert list(tmp_path.glob("failure-*.txt"))
    assert "ValueError" in capsys.readouterr().err


def test_every_text_belongs_to_a_verb() -> None:
    """No help of a verb that is gone."""
    assert {path.stem for path in TEXTS.glob("*.txt")} == {"firedoor", *(verb.name for verb in VERBS)}


def test_every_exit_code_is_documented() -> None:
    """The page has a row for each, with its name, and the closed pipe's."""
    page = (ROOT / "docs" / "reference" / "exit-codes.md").read_text()
    assert all(f"| {code.value} | `{code.name}` |" in page for code in Exit)
    assert f"| {BROKEN_PIPE} | |" in page
