"""The JSON Schema (2020-12) of `inventory.yaml`, for editors: with the providers, kinds and places that there are here.

`firedoor inventory schema` prints it, and an import that begins an inventory writes it beside that. Nothing is
committed: which providers there are depends on the packages that are installed.
"""

import json
from collections.abc import Mapping
from typing import Any

from firedoor.inventory.model import UNKNOWN, Inventory
from firedoor.providers import Provider, providers
from firedoor.sinks import STORES

#: What stands in an inventory's first line; editors look for the file beside it.
NAME = "inventory.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def inventory_schema(known: Mapping[str, Provider] | None = None) -> dict[str, Any]:
    """The schema. What refers to something else in the file (consumers, customers) only `inventory check` knows."""
    found = providers() if known is None else known
    schema = Inventory.model_json_schema()
    entry = schema["$defs"]["Entry"]
    fields = entry["properties"]
    fields["provider"] = {
        "description": fields["provider"]["description"],
        "anyOf": [{"const": name, "description": one.title} for name, one in sorted(found.items())]
        + [{"const": UNKNOWN, "description": "Until somebody knows."}],
    }
    entry["allOf"] = [_kinds(name, one) for name, one in sorted(found.items())]
    schemes = "|".join(("env", "file", *(store.scheme for store in STORES.values())))
    fields["where"]["items"] = {
        "type": "string",
        "pattern": f"^({schemes}):.+",
        "examples": [store.example for store in STORES.values()],
    }
    for block in schema["properties"].values():
        # A name that fits no pattern would be let through.
        block["additionalProperties"] = False
    return {"$schema": DIALECT, **schema}


def rendered() -> str:
    """The schema as the text of its file."""
    return json.dumps(inventory_schema(), indent=2, ensure_ascii=False) + "\n"


def _kinds(name: str, provider: Provider) -> dict[str, Any]:
    """The kinds of credentials that may stand beside a provider."""
    kinds = [{"const": kind.name, "description": kind.title} for kind in provider.kinds]
    return {
        "if": {"properties": {"provider": {"const": name}}, "required": ["provider"]},
        "then": {"properties": {"kind": {"anyOf": [*kinds, {"const": ""}]}}},
    }
