"""What a contract says of taking a change back, and of trying it again in another way."""

from collections.abc import Mapping

from firedoor.plan import Undo
from firedoor.steps._step import Step


def undo_of(contract: type[Step], contracts: Mapping[str, type[Step]]) -> Undo | None:
    """What takes an action back; None if nothing that exists does."""
    inverse = contracts.get(contract.undo)
    if inverse is None:
        return None
    return Undo(action=inverse.action, effect=inverse.effect, timeout=inverse.timeout, retry=inverse.retry)


def undoable(contracts: Mapping[str, type[Step]]) -> list[str]:
    """The actions that can be taken back."""
    return [action for action, contract in contracts.items() if contract.undo in contracts]


def changeable(contract: type[Step]) -> tuple[str, ...]:
    """The arguments that a person may change when retrying."""
    return tuple(name for name in contract.changeable if name in contract.model_fields)
