"""The contracts of steps on the terminal. Pure."""

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.cli.views.signs import EFFECTS
from firedoor.phrases import blast
from firedoor.steps._step import Step
from firedoor.words import span


def sentence(contract: type[Step]) -> str:
    """The first sentence of a contract's documentation."""
    first = (inspect.getdoc(contract) or "").split("\n\n")[0].replace("\n", " ")
    return first.split(". ")[0].rstrip(".") + "."


def contracts(steps: Mapping[str, type[Step]]) -> RenderableType:
    """Every action: its effect and what it does."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    for action, contract in sorted(steps.items()):
        table.add_row(Text(action, style="bold"), EFFECTS[contract.effect].text())
        table.add_row(Padding(Text(sentence(contract), style="dim"), (0, 0, 0, 2)), "")
    return table


def facts(contract: type[Step]) -> RenderableType:
    """One contract: what it does, needs, proves and undoes; its arguments and its result."""
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    sign = EFFECTS[contract.effect]
    rows.add_row("effect", sign.text())
    rows.add_row("undone by", contract.undo or ("nothing to undo" if contract.effect == "read" else "nothing"))
    rows.add_row("verdict", "yes: only `contained` passes without a person" if contract.containment else "no")
    rows.add_row("proof", contract.proof or "-")
    rows.add_row("permissions", "\n".join(contract.permissions) or "none")
    rows.add_row("blast radius", blast(contract.blast) or "-")
    rows.add_row("time", f"{span(contract.timeout)} an attempt, {contract.retry.attempts} attempts")
    documentation = Padding(Text(inspect.getdoc(contract) or ""), (0, 0, 1, 0))
    parts: list[RenderableType] = [Text(contract.action, style="bold"), documentation, rows]
    return Group(*parts, *_fields("Arguments", contract), *_fields("Result", contract.result))


def _fields(title: str, model: type[BaseModel]) -> list[RenderableType]:
    schema = model.model_json_schema()
    properties: dict[str, Any] = schema.get("properties", {})
    if not properties:
        return []
    parts: list[RenderableType] = [Text(), Text(title, style="bold")]
    for name, field in properties.items():
        required = name in schema.get("required", ()) and title == "Arguments"
        line = Text.assemble((f"  {name}", "bold"), (f"  {kind(field)}{', required' if required else ''}", "dim"))
        parts.append(line)
        if told := field.get("description", ""):
            parts.append(Padding(Text(told), (0, 0, 0, 6)))
    return parts


def kind(field: Mapping[str, Any]) -> str:
    """The type of a JSON Schema property in words."""
    if "enum" in field:
        return " | ".join(str(value) for value in field["enum"])
    if "anyOf" in field:
        return " | ".join(kind(one) for one in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {kind(field.get('items', {}))}"
    return str(field.get("type") or field.get("$ref", "any").rpartition("/")[2])
