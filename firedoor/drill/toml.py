"""The drill's own firedoor.toml."""

import json
from collections.abc import Mapping
from typing import Any


def toml(settings: Mapping[str, Any]) -> str:
    """Settings, and tables of texts, numbers and lists of texts, as TOML; JSON writes these values the same way."""
    tables = {name: value for name, value in settings.items() if isinstance(value, Mapping)}
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items() if name not in tables]
    for table, values in tables.items():
        lines += [f"[{table}]", *(f"{name} = {json.dumps(value)}" for name, value in values.items()), ""]
    return "\n".join(lines)
