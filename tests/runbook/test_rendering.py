"""Diagnostics for people and for programs."""

import json

from firedoor.runbook import Code, Diagnostic, render_json, render_sarif, render_text

ONE = Diagnostic(
    file="runbooks/x.yaml",
    line=12,
    column=5,
    end_column=10,
    code=Code.UNKNOWN_KEY,
    message="A step has no key `witth`.",
    allowed="did you mean `with`?",
    source="    witth: {}",
)
BARE = Diagnostic("x.yaml", 1, 1, 2, Code.NOT_A_MAPPING, "The file is empty.")


def test_text() -> None:
    """Place, code, sentence; the line; a caret; what is allowed."""
    assert render_text([ONE, BARE]) == (
        "runbooks/x.yaml:12:5: error[unknown-key]: A step has no key `witth`.\n"
        "  12 |     witth: {}\n"
        "     |     ^^^^^\n"
        "     = did you mean `with`?\n"
        "\n"
        "x.yaml:1:1: error[not-a-mapping]: The file is empty."
    )


def test_a_long_line_is_cropped_around_the_mistake() -> None:
    """A caret that is five screens to the right helps nobody."""
    source = "a" * 1000 + "bad" + "c" * 1000
    text = render_text([Diagnostic("x.yaml", 1, 1001, 1004, Code.BAD_VALUE, "Bad.", source=source)])
    _, line, caret = text.splitlines()
    assert len(line) < 180
    assert line[caret.index("^") : caret.rindex("^") + 1] == "bad"


def test_a_tab_before_the_mistake() -> None:
    """The caret is indented as the line is."""
    text = render_text([Diagnostic("x.yaml", 1, 2, 3, Code.YAML_SYNTAX, "A tab.", source="\tx")])
    assert text.splitlines()[1:] == ["  1 | \tx", "    | \t^"]


def test_what_a_terminal_would_obey_is_not_shown() -> None:
    """Control characters of the file do not reach the terminal."""
    text = render_text([Diagnostic("x.yaml", 1, 3, 4, Code.YAML_SYNTAX, "Bad.", source="a \x1b[31m")])
    assert "\x1b" not in text


def test_json() -> None:
    """Every field by its name."""
    assert json.loads(render_json([ONE]))[0] == {
        "file": "runbooks/x.yaml",
        "line": 12,
        "column": 5,
        "end_column": 10,
        "code": "unknown-key",
        "message": "A step has no key `witth`.",
        "allowed": "did you mean `with`?",
        "source": "    witth: {}",
    }


def test_sarif() -> None:
    """One run, one rule a code, one result a mistake, with its region."""
    log = json.loads(render_sarif([ONE, BARE], version="1.2.3"))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["version"] == "1.2.3"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["not-a-mapping", "unknown-key"]
    assert [(result["ruleId"], result["ruleIndex"]) for result in run["results"]] == [
        ("unknown-key", 1),
        ("not-a-mapping", 0),
    ]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "runbooks/x.yaml"
    assert place["region"] == {"startLine": 12, "startColumn": 5, "endColumn": 10}
    assert run["results"][0]["message"]["text"] == "A step has no key `witth`. Did you mean `with`?"
