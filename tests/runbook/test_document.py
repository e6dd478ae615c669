"""YAML files: what is read, and what is refused before a runbook is seen in it."""

from pathlib import Path

import pytest

from firedoor.compiler import compile_runbook
from firedoor.errors import UsageError
from firedoor.runbook import RunbookErrors, parse
from firedoor.runbook.document import MAX_BYTES, read
from tests.compiling import check_rejected


def check_unreadable(text: str, place: str, code: str, says: str, allowed: str = "") -> None:
    """A text in which no runbook can be seen: one mistake, at its place."""
    with pytest.raises(RunbookErrors) as caught:
        parse(text, "runbook.yaml")
    (found,) = caught.value.diagnostics
    assert (f"{found.line}:{found.column}", found.code.value) == (place, code)
    assert says in found.message
    assert allowed in found.allowed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("12:30:00", "12:30:00"),
        ("2026-01-01", "2026-01-01"),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("+5", 5),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("True", True),
        ("~", None),
        ("", None),
        ("'5'", "5"),
        ('"true"', "true"),
        (".", "."),
        ("-", [None]),
        ("1" * 40, "1" * 40),
    ],
)
def test_scalars_are_yaml_1_2_core(text: str, value: object) -> None:
    """Plain scalars have the types of YAML 1.2; quoted ones are texts."""
    assert read(f"a: {text}" if value != [None] else "a:\n- \n", "x.yaml").value == {"a": value}


@pytest.mark.parametrize(
    ("text", "place", "code", "says", "allowed"),
    [
        ("", "1:1", "not-a-mapping", "The file is empty", "`name` and `steps`"),
        ("# only a comment\n", "1:1", "not-a-mapping", "empty", ""),
        ("- a\n", "1:1", "not-a-mapping", "mapping of keys", ""),
        ("hello\n", "1:1", "not-a-mapping", "mapping of keys", ""),
        ("name: a\n\tsteps: {}\n", "2:1", "yaml-syntax", "A tab", "spaces"),
        ("name: a: b\n", "1:8", "yaml-syntax", "not valid YAML", "in quotes"),
        ('if: "a" == b\n', "1:9", "yaml-syntax", "not valid YAML", "begins with a quote"),
        ("name: 'a\n", "2:1", "yaml-syntax", "unexpected end", "never closed"),
        ("name: {a: b[0]}}\n", "1:12", "yaml-syntax", "not valid YAML", "in quotes as a whole"),
        ("name: *a\n", "1:7", "yaml-syntax", "undefined alias", "`&`"),
        ("name: @a\n", "1:7", "yaml-syntax", "cannot start", "quotes"),
        ("name: a\n---\nname: b\n", "2:1", "yaml-syntax", "another document", "one runbook a file"),
        ("a: &a [*a]\n", "1:4", "yaml-syntax", "contains itself", ""),
        ("name: a\x00b\n", "1:8", "yaml-syntax", "U+0000", "UTF-8"),
        ("name: \ud800\n", "1:7", "yaml-syntax", "U+D800", "UTF-8"),
        ("a: " + "[" * 100_000, "1:66", "too-large", "deeper than 64", ""),
        ("a: " + "- " * 100_000, "1:4", "yaml-syntax", "not valid YAML", ""),
        ("x" * (MAX_BYTES + 1), "1:1", "too-large", "at most 1 MiB", ""),
        ("z: \x7fELF\x02\n", "1:4", "yaml-syntax", "U+007F", ""),
    ],
)  # fmt: skip
def test_what_no_runbook_can_be_seen_in(text: str, place: str, code: str, says: str, allowed: str) -> None:
    """Empty, broken, binary, enormous or bottomless files: a sentence, never a traceback."""
    check_unreadable(text, place, code, says, allowed)


@pytest.mark.parametrize("width", [9, 300])
def test_aliases_that_explode(width: int) -> None:
    """A few lines that stand for millions of values are refused before anybody walks them."""
    lines = ["a0: &a0 x"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, 8)]
    check_unreadable("\n".join(lines), "1:1", "too-large", "through its aliases", "at most 200,000")


def test_aliases_that_nest() -> None:
    """Depth counts through aliases as well."""
    text = "a0: &a0 [x]\n" + "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 100))
    check_unreadable(text, "1:1", "too-large", "102 levels")


@pytest.mark.parametrize(
    ("line", "place", "code", "says"),
    [
        ("<<: {}", "3:1", "yaml-syntax", "Merge keys"),
        ("? [a]\n: b", "3:3", "yaml-syntax", "A key is a word"),
        ("title: !!python/name:os.system x", "3:8", "yaml-syntax", "is a YAML tag"),
        ("title: !secret x", "3:8", "yaml-syntax", "`!secret` is a YAML tag"),
        ("name: again", "3:1", "duplicate-key", "a second time (first in line 1)"),
        ("title: sk-ant-api03-FAKEFAKEFAKEFAKEFAKE", "3:8", "secret-in-runbook", "looks like a live secret"),
    ],
)
def test_parts_of_yaml_that_runbooks_do_without(line: str, place: str, code: str, says: str) -> None:
    """They are reported, and the rest is read on."""
    check_rejected(f"name: test\nsteps: {{a: {{wait: 1m}}}}\n{line}\n", place, code, says)


def test_a_secret_is_never_shown() -> None:
    """Neither in the sentence nor in the source line."""
    text = "name: test\ntitle: ghp_FAKEFAKEFAKEFAKEFAKEFAKE\nsteps: {a: {wait: 1m}}\n"
    found = check_rejected(text, "2:8", "secret-in-runbook", "live secret", "revoke it")
    assert "FAKE" not in repr(found)
    assert found.source == "title: ghp_" + "*" * 24


def test_a_runbook_by_its_shape() -> None:
    """`parse` checks what can be said without actions: keys, types, bounds."""
    runbook = parse("name: test\nsteps: {a: {uses: no.such_action, timeout: 2m}}\n", "runbook.yaml")
    assert (runbook.name, runbook.steps["a"].uses, runbook.steps["a"].timeout) == ("test", "no.such_action", 120)
    check_unreadable("name: test\nsteps: {a: {wait: 5}}\n", "2:19", "bad-duration", "`5`")


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_places_do_not_depend_on_line_ends(mark: str, end: str) -> None:
    """Files from every system have the same lines and columns."""
    text = f"{mark}name: test{end}title: ü{end}steps: {{a: {{wiat: 1m, wait: 1m}}}}{end}"
    found = check_rejected(text, "3:13", "unknown-key", "`wiat`")
    assert found.source == "steps: {a: {wiat: 1m, wait: 1m}}"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is absent, or a folder: a sentence with its name."""
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(UsageError, match=f"{path} cannot be read"):
            compile_runbook(path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    """Binary garbage and huge files are refused by their bytes."""
    garbage, huge = tmp_path / "garbage.yaml", tmp_path / "huge.yaml"
    garbage.write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff\xfe")
    huge.write_bytes(b"a" * 10_000_000)
    for path, code, says in ((garbage, "yaml-syntax", "not a text in UTF-8"), (huge, "too-large", "larger than 1 MiB")):
        with pytest.raises(RunbookErrors) as caught:
            compile_runbook(path)
        (found,) = caught.value.diagnostics
        assert (found.file, found.code.value) == (str(path), code)
        assert says in found.message
