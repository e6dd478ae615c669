"""The arguments and options that several verbs share: one name, one meaning, one sentence of help."""

from typing import Annotated, Literal

from cyclopts import Parameter

from firedoor.errors import UsageError

Output = Annotated[
    Literal["text", "json"],
    Parameter(name=("--output", "-o"), help="text for a person, json for a program.", show_choices=False),
]
IncidentName = Annotated[str, Parameter(help="The incident's id, or a unique beginning or end of it.")]
StepName = Annotated[str, Parameter(help="The step, by the name it has in the runbook.")]
RunbookName = Annotated[str, Parameter(help="The name of a runbook, or the path of one.")]
Inputs = Annotated[str, Parameter(help="The runbook's inputs, each as name=value.")]
Reason = Annotated[str, Parameter(name=("--reason", "-r"), help="Why. It becomes part of the timeline.")]
Yes = Annotated[bool, Parameter(name=("--yes", "-y"), negative="", help="Do not ask.")]
Only = Annotated[
    tuple[str, ...], Parameter(name="--only", negative="", help="Only this target, by its name. Repeatable.")
]
Watch = Annotated[bool, Parameter(name=("--watch", "-w"), negative="", help="Follow it until it ends.")]


def pairs(values: tuple[str, ...], noun: str = "input") -> dict[str, str]:
    """`name=value` words as a mapping. Raises `UsageError` for a word without `=` and for a name given twice."""
    found: dict[str, str] = {}
    for word in values:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"{word!r} is not {noun}=value.", next=f"Write each {noun} as its name, =, and the value.")
        if name in found:
            raise UsageError(f"The {noun} {name} is given twice.", next="Give it once.")
        found[name] = value
    return found
