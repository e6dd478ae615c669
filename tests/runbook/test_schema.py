"""The JSON Schema that editors read."""

from typing import Any

from firedoor.runbook.schema import FILE, rendered, runbook_schema
from firedoor.runbook.values import ROLE_PATTERN
from firedoor.steps import STEPS
from tests.contracts import TEST_STEPS


def test_the_committed_schema_is_current() -> None:
    """`python -m firedoor.runbook.schema` writes it anew."""
    assert FILE.read_text(encoding="utf-8") == rendered(runbook_schema())


def test_every_action_is_known_with_its_arguments() -> None:
    """An editor offers the actions, and for each its arguments."""
    step = runbook_schema()["$defs"]["StepSpec"]
    assert [one["const"] for one in step["properties"]["uses"]["anyOf"]] == sorted(STEPS)
    assert [one["if"]["properties"]["uses"]["const"] for one in step["allOf"]] == sorted(STEPS)


def test_an_argument_takes_its_type_or_an_expression() -> None:
    """Also inside lists and objects."""
    found = {
        one["if"]["properties"]["uses"]["const"]: one["then"]
        for one in runbook_schema(TEST_STEPS)["$defs"]["StepSpec"]["allOf"]
    }
    search, rotate = (found[name]["properties"]["with"]["properties"] for name in ("test.search", "test.rotate"))
    expression = {"type": "string", "pattern": r"\$\{\{"}
    assert search["limit"]["anyOf"] == [{"type": "integer", "minimum": 1, "maximum": 100}, expression]
    assert search["tags"]["anyOf"][0]["items"] == {"anyOf": [{"type": "string"}, expression]}
    assert expression in rotate["token"]["anyOf"][0]["properties"]["id"]["anyOf"]
    assert found["test.search"]["required"] == ["with"]
    assert found["test.window"]["properties"]["with"]["required"] == ["first", "last"]


def test_every_key_is_described() -> None:
    """What an editor shows when the pointer rests on a key."""
    schema = runbook_schema()
    for name, part in {"Runbook": schema, **schema["$defs"]}.items():
        assert part["description"], name
        for key, one in part["properties"].items():
            assert one.get("description"), f"{name}.{key}"


def test_keys_that_go_together() -> None:
    """An editor knows which key needs another beside it, and that what follows an expiry is one thing."""
    definitions = runbook_schema()["$defs"]
    assert definitions["StepSpec"]["dependentRequired"] == {"canary": ["for_each", "approval"]}
    assert definitions["ApprovalSpec"]["dependentRequired"] == {"then": ["expires"]}
    assert definitions["ThenSpec"]["oneOf"] == [{"required": ["escalate"]}, {"required": ["proceed"]}]
    approval = definitions["ApprovalSpec"]["properties"]
    assert approval["then"]["anyOf"] == [{"const": "deny", "type": "string"}, {"$ref": "#/$defs/ThenSpec"}]
    assert approval["break_glass"]["anyOf"] == [{"type": "boolean"}, {"type": "string", "pattern": ROLE_PATTERN}]
    assert "allow_self" not in approval


def test_no_name_outside_its_pattern_is_let_through() -> None:
    """An object with patterned keys takes no other keys."""
    assert _patterned(runbook_schema()) >= 4


def _patterned(schema: Any) -> int:
    if isinstance(schema, list):
        return sum(map(_patterned, schema))
    if not isinstance(schema, dict):
        return 0
    if "patternProperties" in schema:
        assert schema["additionalProperties"] is False
    return ("patternProperties" in schema) + sum(map(_patterned, schema.values()))
