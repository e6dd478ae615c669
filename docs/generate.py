"""Writes the reference pages that are generated: `make docs`. `tests/test_docs.py` fails while they are not current.

The contracts are the source: what a person reads here is what the compiler checks and what the worker performs.
"""

import json
from collections.abc import Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any

from docs.tables import alerts_page, providers_page, sinks_page
from firedoor.plan import Effect
from firedoor.runbook.diagnostics import EXPLANATIONS, Code
from firedoor.runbook.model import Runbook
from firedoor.server.api import document
from firedoor.steps import STEPS
from firedoor.steps._step import Step

REFERENCE = Path(__file__).parent / "reference"

STEPS_INTRO = """\
# Steps

Generated from the contracts in `firedoor/steps/` by `make docs`. `firedoor steps` prints the same.

*Containment* steps carry a verdict: only `contained` passes without a person. *Undo* is the step that takes it back.

| step | effect | containment | undo |
| --- | --- | --- | --- |"""

DIAGNOSTICS_INTRO = """\
# Diagnostics

Generated from `firedoor/runbook/diagnostics.py` by `make docs`. All mistakes of a runbook are reported at once, each as
`file:line:column: error[code]: sentence`.

| code | meaning |
| --- | --- |"""

BEGIN = "<!-- generated from firedoor/runbook/model.py by `make docs`: begin -->"
END = "<!-- end -->"

README = Path(__file__).parents[1] / "README.md"
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results.json"
FIGURES_BEGIN = "<!-- generated from benchmarks/results.json by `make docs`: begin -->"

#: The figures of `make bench`: what each compares, and what was aimed at.
FIGURES = {
    "sequential_step_overhead": ("20 steps one after the other, timeline included", "≤ 1.10"),
    "fanout_10000_overhead": ("10,000 targets of 100 ms against a batch design that records nothing", "≤ 1.25"),
    "fanout_10000_overhead_10ms": ("the same with targets of 10 ms", "≤ 2.5"),
    "trigger_to_first_action": ("from the alert to the first call of a provider", "≤ 1.3"),
    "webhook_ack": ("within which 99 of 100 signed deliveries are answered, at 200 a second", "≤ 1 s"),
    "alert_to_first_action": ("from a delivery's first byte to the first action", "≤ 1.3"),
    "alert_storm": ("10,000 deliveries about 100 leaks, until all 100 incidents run, counts exact", ""),
    "approval_to_action": ("from the click to the action, against an update handler that records nothing", "≤ 1.3"),
    "fanout_100000": ("100,000 recorded targets of 10 ms, of a worker in processes of its own", ""),
    "fanout_resume": ("what `kill -9` of the worker at half of 10,000 targets of 100 ms costs", ""),
    "overtake": ("from the start to the first action during mass work, against the same at rest", "≤ 2"),
    "rotate_1000": ("1,000 keys of seven providers rotated, against the lower bound of their limits", "≤ 1.15"),
    "rotate_1000_lifted": ("the same without limits, against an asyncio script that records nothing", "≤ 1.5"),
    "incidents_concurrent": ("1,000 incidents started, until all of them wait for approval", ""),
    "campaign_100000": (
        "messages a second to 100,000 customers, against a plain aiosmtplib loop that records nothing",
        "≥ 0.6",
    ),
    "campaign_limits": ("3,000 messages under limits, against the least that these allow", "≤ 1.1"),
    "campaign_resume": (
        "messages in doubt after `kill -9` of the sender, a connection; none twice, none lost",
        "≤ 1",
    ),
    "campaign_stop": ("from a stop to the last message", "≤ 1 s"),
    "timeline_append": ("durable entries a second against plain SQLite inserts with the same durability", "≥ 0.5"),
    "compile_1000_steps": ("compiling a runbook of 1,000 steps", "< 1 s"),
    "cli_help": ("`firedoor --help`", "≤ 0.15 s"),
}

EFFECTS = {
    Effect.READ: "reads",
    Effect.REVERSIBLE: "changes, reversible",
    Effect.DESTRUCTIVE: "changes, destructive",
}


def pages() -> dict[Path, str]:
    """The text of every generated page, by its path."""
    return {
        REFERENCE / "steps.md": steps_page(),
        REFERENCE / "diagnostics.md": diagnostics_page(),
        REFERENCE / "runbook.md": runbook_page(),
        REFERENCE / "providers.md": providers_page(),
        REFERENCE / "sinks.md": sinks_page(),
        REFERENCE / "alerts.md": alerts_page(),
        REFERENCE / "openapi.json": json.dumps(document(), indent=1, ensure_ascii=False) + "\n",
        README: readme_page(),
    }


def steps_page() -> str:
    """Every step: a table of facts, then arguments, result, permissions and proof of each."""
    rows = [
        f"| [`{action}`](#{anchor(action)}) | {EFFECTS[step.effect]} | {'yes' if step.containment else ''} "
        f"| {f'`{step.undo}`' if step.undo else ''} |"
        for action, step in sorted(STEPS.items())
    ]
    intro = "\n".join((STEPS_INTRO, *rows))
    return "\n\n".join((intro, *(section(step) for _, step in sorted(STEPS.items())))) + "\n"


def section(step: type[Step]) -> str:
    """One step."""
    permissions = ", ".join(f"`{permission}`" for permission in step.permissions) or "none"
    facts = [
        f"- Effect: {EFFECTS[step.effect]}",
        f"- Permissions: {permissions}",
        f"- Timeout of one target: {step.timeout} s",
    ]
    if step.proof:
        facts.append(f"- Proof: {step.proof}")
    if step.undo:
        facts.append(f"- Undo: `{step.undo}`")
    if step.blast:
        facts.append(
            "- Blast radius of one target: " + ", ".join(f"{count} {kind}" for kind, count in step.blast.items())
        )
    parts = [f"## {step.action}", cleandoc(step.__doc__ or "").replace("\nAPI: ", "\n\nAPI: "), "\n".join(facts)]
    arguments, result = step.model_json_schema(), step.result.model_json_schema(mode="serialization")
    parts += [table("argument", arguments, arguments, required=True), table("result", result, result, required=False)]
    nested = arguments.get("$defs", {}) | result.get("$defs", {})
    parts += [table(f"`{name}`", one, result, required=False) for name, one in sorted(nested.items())]
    return "\n\n".join(part for part in parts if part)


def table(title: str, model: Mapping[str, Any], schema: Mapping[str, Any], *, required: bool) -> str:
    """The fields of a model as a table, from its JSON Schema inside `schema`; empty where it has none."""
    rows = []
    for name, field in model.get("properties", {}).items():
        needed = "required" if name in model.get("required", ()) else default(field)
        column = f" {needed} |" if required else ""
        rows.append(f"| `{name}` | {type_of(field, schema)} |{column} {cell(description(field, schema))} |")
    if not rows:
        return ""
    head = f"| {title} | type |{' |' if required else ''} |"
    return "\n".join((head, "| --- | --- |" + (" --- |" if required else "") + " --- |", *rows))


def default(field: Mapping[str, Any]) -> str:
    """What stands where a field is left out."""
    value = field.get("default")
    return f"default `{json.dumps(value)}`" if value or value is False else "optional"


def type_of(field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """A JSON Schema type in words."""
    if "$ref" in field:
        return f"`{field['$ref'].rsplit('/', 1)[1]}`"
    if "anyOf" in field:
        return " or ".join(type_of(one, schema) for one in field["anyOf"] if one.get("type") != "null")
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if isinstance(field.get("type"), list):
        return " or ".join(map(str, field["type"]))
    members = [*field.get("patternProperties", {}).values(), field.get("additionalProperties")]
    if isinstance(members[0], dict):
        return f"map of {type_of(members[0], schema)}"
    if field.get("type") == "array":
        return f"list of {type_of(field['items'], schema)}" if "items" in field else "list"
    return str(field.get("type", "any"))


def description(field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What a field means: its own sentence, or its type's."""
    text = field.get("description") or (resolve(field, schema).get("description", "") if "$ref" in field else "")
    pattern = f" Pattern: `{field['pattern']}`." if field.get("pattern") else ""
    return f"{text}{pattern}".strip()


def resolve(field: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The definition that a field refers to."""
    definition: Mapping[str, Any] = schema["$defs"][field["$ref"].rsplit("/", 1)[1]]
    return definition


def diagnostics_page() -> str:
    """Every code that `firedoor lint` can report."""
    rows = [f"| `{code.value}` | {cell(EXPLANATIONS[code])} |" for code in Code]
    return "\n".join((DIAGNOSTICS_INTRO, *rows)) + "\n"


def runbook_page() -> str:
    """The language: prose by hand, and below it every key, from the models."""
    prose, _, _ = (REFERENCE / "runbook.md").read_text(encoding="utf-8").partition(BEGIN)
    schema = Runbook.model_json_schema(by_alias=True)
    parts = ["## Keys", table("key of a runbook", schema, schema, required=True)]
    for name, model in schema["$defs"].items():
        parts += [f"### {name}", cell(model.get("description", "")), table("key", model, schema, required=True)]
    return prose + "\n\n".join((BEGIN, *parts, END)) + "\n"


def readme_page() -> str:
    """README with the table of what was measured."""
    before, _, rest = README.read_text(encoding="utf-8").partition(FIGURES_BEGIN)
    _, _, after = rest.partition(END)
    measured = json.loads(RESULTS.read_text(encoding="utf-8"))["figures"] if RESULTS.exists() else {}
    rows = [
        f"| `{name}` | {meaning} | {figure(measured[name]) if name in measured else 'not measured'} | {aim} |"
        for name, (meaning, aim) in FIGURES.items()
    ]
    head = ("| figure | what | measured | aim |", "| --- | --- | --- | --- |")
    return "\n".join((before + FIGURES_BEGIN, *head, *rows, END + after))


def figure(measured: Mapping[str, Any]) -> str:
    """A figure with its unit, to three digits, or whole from a thousand on."""
    unit = {"ratio": "×", "s": " s", "ms": " ms", "/s": "/s", "MiB": " MiB"}[measured["unit"]]
    value = measured["value"]
    return f"{value:,.0f}{unit}" if value >= 1000 else f"{value:.3g}{unit}"


def anchor(title: str) -> str:
    """The fragment that a heading gets on GitHub."""
    return "".join(character for character in title.lower() if character.isalnum() or character in "-_")


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Write every page."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
