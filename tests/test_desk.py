"""Programs of the worker's side that answer a front door: what happens when they do not."""

from pathlib import Path

import pytest

from firedoor import app, desk

PROGRAMS = {
    "silent": "",
    "chatty": "print('first'); print('{\"answer\": 1}')",
    "broken": "import json, sys; raise ValueError(json.load(sys.stdin)['value'])",
    "wrong": "print('[1]')",
    "slow": "import time; time.sleep(30)",
    "refusing": 'print(\'{"error": {"reason": "conflict", "what": "No.", "next": "Look."}}\')',
    "arguing": "import json, sys; print(json.dumps({'argv': sys.argv, 'path': sys.path}))",
}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A worker's side with programs of the test."""
    for name, text in PROGRAMS.items():
        tmp_path.joinpath(f"{name}.py").write_text(text)
    monkeypatch.setattr(desk, "app_folder", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("silent", "(silent) ended with code 0 and no answer."),
        ("wrong", "(wrong) ended with code 0 and no answer."),
        ("broken", "(broken) ended with code 1 and no answer (ValueError)."),
        ("absent", "(absent) ended with code 1 and no answer (ImportError)."),
        ("slow", "(slow) gave no answer in 0.5 s, and was ended."),
    ],
)
async def test_no_answer_is_a_sentence(programs: Path, program: str, sentence: str) -> None:
    """What it died of by the error's type: its text could hold the question."""
    with pytest.raises(desk.DeskError) as caught:
        await desk.ask(program, {"value": "canary-value"}, patience=0.5 if program == "slow" else 30)
    assert sentence in caught.value.what
    assert "canary" not in str(caught.value)
    assert "firedoor doctor" in caught.value.next


async def test_the_last_line_is_the_answer(programs: Path) -> None:
    """What a library prints before it does no harm."""
    assert await desk.ask("chatty", {}) == {"answer": 1}


async def test_a_refusal_is_an_error(programs: Path) -> None:
    """With the program's own words."""
    with pytest.raises(desk.DeskError) as caught:
        await desk.ask("refusing", {})
    error = caught.value
    assert (error.reason, error.what, error.changed, error.next) == ("conflict", "No.", "", "Look.")


async def test_the_question_is_in_no_argument(programs: Path) -> None:
    """Arguments are for every process of the machine to read; and the folder of the person is not searched."""
    found = await desk.ask("arguing", {"value": "canary-value"})
    assert found["argv"] == [str(programs / "arguing.py")]
    assert found["path"][0] == str(programs)
    assert "" not in found["path"]


def test_the_real_folder_has_the_programs() -> None:
    """In a checkout and in a wheel."""
    assert (app.app_folder() / "activities" / "intake.py").is_file()
