"""The live picture on a real pseudo-terminal, and the edges of the process."""

import asyncio
import datetime
import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console, ConsoleDimensions

from firedoor.cli import screen as screen_module
from firedoor.cli.pace import Pace
from firedoor.cli.painter import Painter
from firedoor.cli.screen import Screen
from firedoor.incident import IncidentView, Progress, StepState
from firedoor.plain import plain, plain_view
from tests.cli.conftest import ROOT
from tests.cli.pictures import CHILD, ENDED, INCIDENT, NOW, ROTATE, STEERED, VIEW, step


def terminal(width: int = 80) -> Console:
    """A terminal that keeps what is written to it."""
    return Console(
        file=io.StringIO(),
        width=width,
        height=24,
        force_terminal=True,
        color_system=None,
        highlight=False,
        markup=False,
        _environ={"TERM": "xterm"},
    )


def written(console: Console) -> str:
    """Everything that was written."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_is_redrawn_and_left_with_the_whole_picture() -> None:
    """In place while it runs; at the end the last picture stays, with its proof."""
    console = terminal()
    with Screen(console) as screen:
        screen.tell("The stage is set.")
        screen.show(VIEW)
        during = written(console)
        screen.show(ENDED)
    assert "The stage is set." in during
    assert "NEEDS YOU" in during
    assert "\x1b[2K" in written(console), "lines are cleared, not scrolled away"
    assert "Proof" in written(console).rpartition("\x1b[2K")[2]


async def test_the_clocks_go_on_without_news(monkeypatch: pytest.MonkeyPatch) -> None:
    """A redraw a second, so that nobody takes a long step for a hung terminal."""
    monkeypatch.setattr(screen_module, "TICK", 0.01)
    console = terminal()
    with Screen(console) as screen:
        async with screen.ticking():
            screen.show(VIEW)
            before = len(written(console))
            async with asyncio.timeout(5):
                while len(written(console)) == before:
                    await asyncio.sleep(0.01)


def test_elsewhere_each_change_is_a_line() -> None:
    """And the last word ends it."""
    console = Console(file=io.StringIO(), width=200, color_system=None)
    with Screen(console) as screen:
        screen.show(VIEW)
        screen.show(ENDED)
    lines = written(console).splitlines()
    assert any("deny_sessions  NEEDS YOU" in line for line in lines)
    assert lines[-1] == "✓ Contained: the provider's own answers confirm deactivate."
    assert "\x1b" not in written(console)


def test_an_attacker_cannot_steer_the_terminal() -> None:
    """Escape sequences and hidden characters in what a provider says become visible signs."""
    evil = step("evil", StepState.DONE, summary="user \x1b]0;owned\x07\x1b[2Jgone\u202e")
    view = plain_view(VIEW.model_copy(update={"steps": (evil,), "inputs": {"key": "a\x1b[31m"}}))
    assert view.steps[0].summary == "user �]0;owned��[2Jgone�"
    assert view.inputs == {"key": "a�[31m"}
    assert plain("two\nlines\tand ✓") == "two\nlines and ✓"
    console = Console(file=io.StringIO(), width=200, color_system=None)
    with Screen(console) as screen:
        screen.show(VIEW.model_copy(update={"steps": (evil,)}))
    assert "\x1b" not in written(console)


def on_a_terminal(*arguments: str, home: Path) -> tuple[int, str]:
    """Run the program on a pseudo-terminal: its exit code and all that it wrote there."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "FIREDOOR_HOME": str(home)}
    command = [sys.executable, "-m", "firedoor", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    said = b""
    # The terminal reports its end as an error on Linux.
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        said += data
    os.close(master)
    return process.wait(30), said.decode()


def test_no_color_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words on a terminal, with colours and without."""
    code, plainly = on_a_terminal("lint", "/no/such.yaml", home=tmp_path)
    monkeypatch.delenv("NO_COLOR")
    _, coloured = on_a_terminal("lint", "/no/such.yaml", home=tmp_path)
    assert code == 2
    assert "\x1b[31m" not in plainly
    assert "\x1b[1;31m" in coloured
    assert "There is no file /no/such.yaml." in plainly


def test_a_bug_is_one_line_and_a_file(tmp_path: Path) -> None:
    """What nobody expected: exit code 1, no traceback on the screen, the details in the home folder."""
    code = "import sys; sys.argv = ['firedoor', 'lint']\nfrom firedoor.cli import app\n"
    code += "app.run = lambda arguments: 1 / 0\napp.main(['lint'])"
    environment = {**os.environ, "FIREDOOR_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "firedoor itself failed (ZeroDivisionError)" in done.stderr
    assert "Traceback" not in done.stderr
    (file,) = tmp_path.glob("failure-*.txt")
    assert "Traceback" in file.read_text()


def test_worker_becomes_the_worker(tmp_path: Path) -> None:
    """The process is replaced: the worker's own sentence and exit code come out, here without a Temporal."""
    environment = {**os.environ, "FIREDOOR_HOME": str(tmp_path), "TEMPORAL_ADDRESS": "127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-m", "firedoor", "worker"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 4
    assert "No Temporal server answers at 127.0.0.1:1." in done.stderr


def test_only_what_differs_is_written() -> None:
    """So that a slow line does not flicker; the same picture again writes nothing."""
    console = terminal()
    with Painter(console) as painter:
        painter.paint("one\ntwo\nthree")
        before = len(written(console))
        painter.paint("one\ntwo\nthree")
        assert len(written(console)) == before
        painter.paint("one\n2\nthree")
        assert "2" in written(console)[before:]
        assert "one" not in written(console)[before:]
        before = len(written(console))
        painter.paint("one")
        assert "\x1b[J" in written(console)[before:], "lines that are gone are cleared"


def test_a_terminal_that_was_resized_is_drawn_anew() -> None:
    """It has folded the old lines: nobody knows where they are."""
    console = terminal()
    with Painter(console) as painter:
        painter.paint("one\ntwo")
        console.size = ConsoleDimensions(40, 20)
        before = len(written(console))
        painter.paint("one\ntwo")
        assert written(console)[before:] == "\x1b[2J\x1b[H\r\x1b[2Kone\r\n\x1b[2Ktwo"


def test_relatives_and_outages_are_lines_too() -> None:
    """A child's steps under the name of the step that runs it; once, that nobody answers."""
    console = Console(file=io.StringIO(), width=200, color_system=None)
    with Screen(console) as screen:
        screen.show(STEERED, {CHILD.id: CHILD})
        screen.show(STEERED, {CHILD.id: CHILD}, "no worker answers.")
        screen.show(STEERED, {CHILD.id: CHILD}, "no worker answers.")
    lines = written(console).splitlines()
    assert any(line.endswith("customers.confirm  needs answer  waits for anybody") for line in lines)
    assert lines.count("! no worker answers.") == 1


def test_rates_are_of_the_last_seconds() -> None:
    """Not of the whole time; what stands still has none; a retry begins anew."""
    pace = Pace()
    for second in range(60):
        pace.see([at_work(10 * second)], NOW + datetime.timedelta(seconds=second))
    assert pace.rates() == {(INCIDENT, "rotate"): 10.0}
    for second in range(60, 80):
        pace.see([at_work(590)], NOW + datetime.timedelta(seconds=second))
    assert pace.rates() == {(INCIDENT, "rotate"): 0.0}
    pace.see([at_work(3)], NOW + datetime.timedelta(seconds=80))
    assert pace.rates() == {}
    pace.see([VIEW.model_copy(update={"steps": ()})], NOW)


def at_work(done: int) -> IncidentView:
    """The incident with so many targets of `rotate` done."""
    working = ROTATE.model_copy(update={"progress": Progress(total=1000, done=done)})
    return VIEW.model_copy(update={"steps": (working,)})
