"""The scripted responder at a hidden prompt: the value goes into the sink as a person's does, past Temporal."""

from collections.abc import Mapping
from typing import Any

from firedoor import desk
from firedoor.incident import Responder, StepView
from firedoor.steps._step import Credential


async def pasted(
    incident: str, step: StepView, who: Responder, values: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, Any]:
    """Store the values of a question's secret fields; the answers are credentials without them. Raises `DeskError`."""
    answers: dict[str, Any] = {}
    fields = step.ask.fields if step.ask else {}
    for name, value in values.items():
        field = fields[name]
        credential = Credential(provider=field.provider, kind=field.kind, scope=field.scope)
        question = {
            "incident": incident,
            "step": step.id,
            "target": name,
            "responder": who.model_dump(mode="json"),
            "credential": credential.model_dump(mode="json"),
            "into": list(field.into),
            "value": value,
        }
        answer = await desk.ask("activities.intake", question, environment=environment)
        answers[name] = answer["credential"]
    return answers
