"""Fakes of providers that have no API for keys: a person makes and deletes them, here a method does."""

from typing import ClassVar

from firedoor.drill.fakes._fake import Fake, Planted, canary
from firedoor.steps._step import Credential


class FakeOfValues(Fake):
    """Values that are alive. What a person does at the console is `plant_credential` and `values.discard`."""

    prefix: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.values: set[str] = set()

    def plant_credential(self, kind: str, name: str) -> Planted:
        """A key that a person made."""
        value = canary(self.prefix)
        with self.lock:
            self.values.add(value)
        return Planted(Credential(provider=self.name, kind=kind, name=name), value)

    def alive(self, kind: str) -> set[str]:
        """All that nobody has deleted."""
        return set(self.values)
