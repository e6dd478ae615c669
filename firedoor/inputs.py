"""The inputs of an incident: checked against the plan, explained from the runbook; and the incident's id from them."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from firedoor.canonical import MAX_SAFE_INTEGER, canonical_bytes, sha256_hex
from firedoor.errors import UsageError
from firedoor.expressions import ExpressionError, evaluate
from firedoor.plan import Input, Plan

BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}
KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "boolean": "true or false",
    "list": "a list of texts: a,b,c",
}
INTEGER = re.compile(r"[-+]?[0-9]{1,16}")
MAX_LIST = 100_000
#: How an id ends whose values could not stand in it as they are.
HASHED = re.compile(r"\.[0-9a-f]{12}$")
#: Ids stay readable in Temporal's own tools and far below its limit of 1,000 bytes.
MAX_ID = 120


def resolve_inputs(plan: Plan, values: Mapping[str, Any]) -> dict[str, Any]:
    """Complete, typed inputs of a plan, in the order of the runbook.

    `values` come from a command line as texts (`"5"`, `"true"`, `"a,b"`), or typed from an alert or a parent runbook.
    Raises `UsageError` that names every input that is missing, unknown or does not fit, and what it means.
    """
    problems = [_unknown(name, plan) for name in values if name not in plan.inputs]
    found: dict[str, Any] = {}
    for name, declared in plan.inputs.items():
        if name not in values:
            if declared.required:
                problems.append(f"{name} is missing: {_meaning(declared)}")
            else:
                found[name] = declared.default
            continue
        try:
            found[name] = checked_input(declared, values[name])
        except ValueError as error:
            problems.append(f"{name} {error}{_described(declared)}")
    if problems:
        count = "One input is" if len(problems) == 1 else f"{len(problems)} inputs are"
        usage = " ".join(_usage(name, declared) for name, declared in plan.inputs.items())
        raise UsageError(
            "\n  ".join((f"{count} wrong for {plan.name}:", *problems)),
            changed="Nothing was started.",
            next=f"Usage: firedoor run {plan.name} {usage}".rstrip(),
        )
    return found


def checked_input(declared: Input, value: Any) -> Any:
    """One value with the input's type. Raises `ValueError` with the end of a sentence that begins with its name."""
    typed = _typed(declared.type, value)
    if declared.pattern:
        for member in typed if isinstance(typed, list) else [typed]:
            if not full_match(declared.pattern, member):
                raise ValueError(f"has the value {_shown(member)}, which does not match {declared.pattern}")
    return typed


def full_match(pattern: str, text: str) -> bool:
    """Does the whole text match the RE2 pattern? Linear in time, whatever the pattern. Raises `ExpressionError`."""
    scope = {"inputs": {"text": text, "pattern": rf"\A(?:{pattern})\z"}}
    return evaluate("inputs.text.matches(inputs.pattern)", scope) is True


def pattern_problem(pattern: str) -> str:
    """What is wrong with an RE2 pattern, or an empty text."""
    try:
        full_match(pattern, "")
    except ExpressionError as error:
        return str(error).rpartition("invalid regular expression: ")[2]
    return ""


def incident_id(plan: Plan, inputs: Mapping[str, Any], random: str) -> str:
    """`<runbook>-<identity values>`: the same values, the same incident. Without identity `<runbook>-<random>`.

    Only letters, digits, `.`, `_` and `-`. Values that are several, lists, long, empty or hold other characters are
    told apart by the start of a SHA-256.
    """
    if not plan.identity:
        return f"{plan.name}-{random}"
    values = [inputs[name] for name in plan.identity]
    parts = [_id_part(value) for value in values]
    text = "-".join((plan.name, *filter(None, parts)))[:MAX_ID]
    exact = len(values) == 1 and text == f"{plan.name}-{values[0]}" and not HASHED.search(text)
    return text if exact else f"{text}.{sha256_hex(canonical_bytes(values))[:12]}"


def _id_part(value: Any) -> str:
    text = "-".join(str(member) for member in value[:3]) if isinstance(value, list) else str(value)
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)


def _typed(kind: str, value: Any) -> Any:
    match kind, value:
        case "string", str():
            return value
        case "integer", bool():
            pass
        case "integer", int() if abs(value) <= MAX_SAFE_INTEGER:
            return value
        case "integer", str() if INTEGER.fullmatch(value) and abs(int(value)) <= MAX_SAFE_INTEGER:
            return int(value)
        case "boolean", bool():
            return value
        case "boolean", str() if value.lower() in BOOLEANS:
            return BOOLEANS[value.lower()]
        case "list", str():
            return _members([member.strip() for member in value.split(",")] if value.strip() else [])
        case "list", list() | tuple():
            return _members(list(value))
        case _:
            pass
    raise ValueError(f"is {_shown(value)}, not {KINDS[kind]}")


def _members(members: list[Any]) -> list[str]:
    if len(members) > MAX_LIST:
        raise ValueError(f"has {len(members):,} members; at most {MAX_LIST:,}")
    for number, member in enumerate(members, 1):
        if not isinstance(member, str) or not member:
            raise ValueError(f"has {_shown(member)} as its member {number}, not a text")
    return members


def _unknown(name: str, plan: Plan) -> str:
    nearest = difflib.get_close_matches(name, plan.inputs, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"its inputs: {', '.join(plan.inputs) or 'none'}"
    return f"{name} is not an input of {plan.name}; {hint}"


def _meaning(declared: Input) -> str:
    matching = f" matching {declared.pattern}" if declared.pattern else ""
    return f"{KINDS[declared.type]}{matching}{_described(declared)}"


def _described(declared: Input) -> str:
    return f" ({declared.description.strip()})" if declared.description else ""


def _usage(name: str, declared: Input) -> str:
    text = f"{name}={declared.type.upper()}"
    return text if declared.required else f"[{text}]"


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
