"""The JSON Schema (2020-12) of runbooks, for editors: from the models of the language and the contracts of the actions.

`firedoor/runbook/schema.json` is its committed copy. Write it anew with `python -m firedoor.runbook.schema`.
"""

import json
from collections.abc import Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any

from firedoor.runbook.model import Runbook
from firedoor.steps import STEPS
from firedoor.steps._step import Step

FILE = Path(__file__).with_name("schema.json")
DIALECT = "https://json-schema.org/draft/2020-12/schema"
EXPRESSION = {"type": "string", "pattern": r"\$\{\{"}
KINDS = ("uses", "ask", "wait", "run", "campaign")


def runbook_schema(steps: Mapping[str, type[Step]] = STEPS) -> dict[str, Any]:
    """The schema. Each action of `steps` brings the schema of its `with`, in which `${{ }}` may stand anywhere."""
    schema = Runbook.model_json_schema(by_alias=True)
    step = schema["$defs"]["StepSpec"]
    step["oneOf"] = [
        *({"required": [kind]} for kind in KINDS),
        {"required": ["approval"], "not": {"anyOf": [{"required": [kind]} for kind in KINDS]}},
    ]
    step["properties"]["uses"] = {
        "description": step["properties"]["uses"]["description"],
        "anyOf": [
            {"const": name, "description": cleandoc(contract.__doc__ or "").partition("\n")[0]}
            for name, contract in sorted(steps.items())
        ],
    }
    step["allOf"] = [_arguments(name, contract) for name, contract in sorted(steps.items())]
    step["dependentRequired"] = {"canary": ["for_each", "approval"]}
    schema["$defs"]["ApprovalSpec"]["dependentRequired"] = {"then": ["expires"]}
    schema["$defs"]["ThenSpec"]["oneOf"] = [{"required": ["escalate"]}, {"required": ["proceed"]}]
    schema["$defs"]["ClockSpec"]["oneOf"] = [{"required": [kind]} for kind in ("regime", "contract", "due")]
    schema["$defs"]["ClockSpec"]["dependentRequired"] = {"stage": ["regime"]}
    schema["$defs"]["ContractSpec"]["oneOf"] = [{"required": ["hours"]}, {"required": ["campaign"]}]
    schema["$defs"]["TriggerSpec"]["oneOf"] = [{"required": ["alert"]}, {"required": ["slack"]}]
    return {"$schema": DIALECT, **_tidied(schema)}


def rendered(schema: Mapping[str, Any]) -> str:
    """The schema as the text of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _arguments(name: str, contract: type[Step]) -> dict[str, Any]:
    schema = contract.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    definitions = schema.pop("$defs", {})
    inline = json.loads(json.dumps(schema))
    given = _or_expression(_resolved(inline, f"#/$defs/{name}.", definitions))
    needed = ["with"] if given.get("required") else []
    return {
        "if": {"properties": {"uses": {"const": name}}, "required": ["uses"]},
        "then": {"properties": {"with": given}, "required": needed},
    }


def _resolved(schema: Any, prefix: str, definitions: Mapping[str, Any]) -> Any:
    """References replaced by what they name: arguments are shallow, and the file stays one piece."""
    if isinstance(schema, list):
        return [_resolved(member, prefix, definitions) for member in schema]
    if not isinstance(schema, dict):
        return schema
    if str(schema.get("$ref", "")).startswith(prefix):
        return _resolved(definitions[schema["$ref"].removeprefix(prefix)], prefix, definitions)
    return {key: _resolved(member, prefix, definitions) for key, member in schema.items()}


def _or_expression(schema: Any) -> Any:
    """The object's properties, each as it is or as an expression."""
    properties = {}
    for name, one in schema.get("properties", {}).items():
        described = {key: one[key] for key in ("description", "default") if key in one}
        bare = {key: value for key, value in one.items() if key not in described}
        inner = _or_expression(bare) if bare.get("type") == "object" else bare
        if isinstance(items := inner.get("items"), dict):
            inner = {**inner, "items": {"anyOf": [items, EXPRESSION]}}
        properties[name] = {**described, "anyOf": [inner, EXPRESSION]}
    return {**schema, "properties": properties}


def _tidied(schema: Any, *, names: bool = False) -> Any:
    """Without pydantic's titles, which repeat the names, and with names that do not fit their pattern refused.

    `names`: the keys here are names of fields, and `title` is one like any other.
    """
    if isinstance(schema, list):
        return [_tidied(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if "patternProperties" in schema and not names else {}
    return closed | {
        key: _tidied(member, names=key in ("properties", "patternProperties", "$defs") and not names)
        for key, member in schema.items()
        if names or key != "title" or not isinstance(member, str)
    }


if __name__ == "__main__":
    FILE.write_text(rendered(runbook_schema()), encoding="utf-8")
