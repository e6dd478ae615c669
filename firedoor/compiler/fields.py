"""What expressions can read of each step: `steps.NAME.FIELD`."""

from pydantic import BaseModel

from firedoor.campaign import Remaining
from firedoor.compiler.kinds import BOOL, INT, STRING, Kind, kind_of, kinds_of_model
from firedoor.runbook.model import StepSpec
from firedoor.steps._step import Credential, Step

#: A secret is answered with the credential, without its value.
ANSWERS = {"string": STRING, "integer": INT, "boolean": BOOL, "secret": kind_of(Credential)}
#: What a campaign counts.
COUNTS = ("customers", "reached", "acknowledged", "remediated", "tasks")


class FailedElement(BaseModel):
    """An element of a `for_each` that failed: its index, a printable name, why."""

    key: str
    name: str
    reason: str


def fields_of(spec: StepSpec, contract: type[Step] | None) -> dict[str, Kind]:
    """Field → kind. Every step has `state`; the rest is what the step returns."""
    fields = {"state": STRING}
    if contract is not None and spec.for_each is not None:
        fields |= {"succeeded": INT, "total": INT, "failed": Kind("LIST", (kind_of(FailedElement),))}
        fields |= {"results": Kind("LIST", (kind_of(contract.result),))}
    elif contract is not None:
        fields |= kinds_of_model(contract.result)
        if contract.containment:
            fields |= {"verdict": STRING}
    elif spec.ask is not None:
        for name, field in spec.ask.fields.items():
            fields[name] = Kind(ANSWERS[field.type].name, nullable=not field.required)
        fields |= {"by": STRING}
    elif spec.campaign is not None:
        fields |= {"campaign": STRING, **dict.fromkeys(COUNTS, INT), "remaining": Kind("LIST", (kind_of(Remaining),))}
    elif spec.run is not None:
        fields |= {"incident": STRING, "verdict": STRING}
    return fields


def steps_read(names: set[str]) -> tuple[set[str], set[str]]:
    """Of qualified names, the steps that they mention at all, and those whose results they read."""
    parts = [name.split(".") for name in names if name.startswith("steps.")]
    return {part[1] for part in parts}, {part[1] for part in parts if part[2:] != ["state"]}
