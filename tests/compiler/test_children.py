"""Runbooks that run runbooks."""

from pathlib import Path

import pytest

from firedoor.compiler import compile_runbook
from firedoor.runbook import RunbookErrors
from tests.compiling import check_compiles, check_rejected, mistakes, steps

KID = """\
name: kid
inputs:
  key: {type: string, pattern: 'AK[A-Z]+', description: The key}
  n: {type: integer, default: 5}
steps: {w: {wait: 1m}}
"""


def test_a_child_is_part_of_the_plan() -> None:
    """With its inputs complete and typed, so that nothing has to be looked up when it runs."""
    text = steps("a: {run: kid, with: {key: '${{ steps.find.owner }}'}}", "b: {run: kid, with: {key: AKX, n: '7'}}")
    first, second = check_compiles(text, {"kid": KID}).steps[1:]
    assert first.child is not None
    assert (first.kind, first.child.name, first.needs) == ("run", "kid", ("find",))
    assert first.arguments == {"n": 5, "key": "${{ steps.find.owner }}"}
    assert second.arguments == {"n": 7, "key": "AKX"}


@pytest.mark.parametrize(
    ("line", "column", "code", "says"),
    [
        ("a: {run: kid}", 12, "missing-argument", "needs a value for `key`"),
        ("a: {run: kid, with: {key: nope}}", 29, "wrong-argument", "does not match"),
        ("a: {run: kid, with: {key: AKX, m: 1}}", 34, "unknown-argument", "takes no `m`"),
        ("a: {run: kid, with: {key: '${{ steps.find.count }}'}}", 34, "wrong-argument", "a whole number"),
        ("a: {run: kd, with: {key: AKX}}", 12, "unknown-runbook", "no runbook `kd`"),
        ("a: {run: alias, with: {key: AKX}}", 12, "unknown-runbook", "is called `kid`"),
    ],
)
def test_mistakes_in_a_run(line: str, column: int, code: str, says: str) -> None:
    """Inputs of a child are checked like those of a person."""
    check_rejected(steps(line), f"4:{column}", code, says, runbooks={"kid": KID, "alias": KID})


def test_circles_of_runbooks() -> None:
    """A runbook cannot run itself, at whatever remove."""
    runbooks = {"a": "name: a\nsteps: {x: {run: b}}", "b": "name: b\nsteps: {x: {run: a}}"}
    check_rejected("name: a\nsteps: {x: {run: a}}", "2:18", "runbook-cycle", "a → a", runbooks=runbooks)
    found = mistakes(runbooks["a"], runbooks)
    assert [one.code.value for one in found] == ["child-broken", "runbook-cycle"]
    assert "a → b → a" in found[1].message


def test_generations_end() -> None:
    """A plan holds its children whole; five generations are more than anybody can oversee."""
    runbooks = {f"r{n}": f"name: r{n}\nsteps: {{x: {{run: r{n + 1}}}}}" for n in range(9)}
    found = mistakes(runbooks["r0"], runbooks)
    assert found[-1].code.value == "out-of-bounds"
    assert "6 deep" in found[-1].message


def test_a_plan_does_not_explode() -> None:
    """Children are counted with their steps: doubling them a few times over is refused."""
    width = "".join(f"  s{number}: {{run: NEXT}}\n" for number in range(30))
    runbooks = {f"r{n}": f"name: r{n}\nsteps:\n{width.replace('NEXT', f'r{n + 1}')}" for n in range(3)}
    runbooks["r3"] = "name: r3\nsteps: {w: {wait: 1m}}"
    found = mistakes(runbooks["r0"], runbooks)
    assert [one.code.value for one in found] == ["too-large"]


def test_the_mistakes_of_a_child_are_reported_in_its_file(tmp_path: Path) -> None:
    """Once, however often the child is run, and beside those of the parent."""
    parent, kid = tmp_path / "parent.yaml", tmp_path / "kid.yaml"
    parent.write_text("name: parent\nsteps:\n  a: {run: kid}\n  b: {run: kid}\n  c: {wait: 5}\n")
    kid.write_text("name: kid\nsteps: {w: {wait: 5}}\n")
    with pytest.raises(RunbookErrors) as caught:
        compile_runbook(parent, runbooks={"kid": kid})
    found = [(Path(one.file).name, one.line, one.code.value) for one in caught.value.diagnostics]
    assert found == [
        ("parent.yaml", 3, "child-broken"),
        ("parent.yaml", 4, "child-broken"),
        ("parent.yaml", 5, "bad-duration"),
        ("kid.yaml", 2, "bad-duration"),
    ]
    assert caught.value.next == f"`firedoor lint {parent}` shows every mistake."


def test_a_runbook_of_a_folder_is_called_like_its_file(tmp_path: Path) -> None:
    """Alerts and commands name it by what stands in it, folders by the file: one name must lead to one runbook."""
    path = tmp_path / "copy.yaml"
    path.write_text(KID)
    assert compile_runbook(path).name == "kid"
    with pytest.raises(RunbookErrors) as caught:
        compile_runbook(path, runbooks={"copy": path})
    [found] = caught.value.diagnostics
    assert (found.code.value, found.line) == ("file-name", 1)
    assert "rename the file to kid.yaml, or write `name: copy`" in found.allowed
