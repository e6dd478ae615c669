"""A contract as JSON, for whoever asks what a step does."""

import inspect
from typing import Any

from firedoor.steps._step import Step


def document(contract: type[Step]) -> dict[str, Any]:
    """Every fact of a contract; `arguments` and `result` are JSON Schemas."""
    return {
        "action": contract.action,
        "description": inspect.getdoc(contract) or "",
        "effect": contract.effect.value,
        "containment": contract.containment,
        "undo": contract.undo,
        "proof": contract.proof,
        "permissions": list(contract.permissions),
        "blast": contract.blast,
        "timeout": contract.timeout,
        "arguments": contract.model_json_schema(),
        "result": contract.result.model_json_schema(),
    }
