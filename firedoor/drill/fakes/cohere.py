"""A fake of Cohere: it knows which values are alive, and nothing else of them."""

from typing import ClassVar

from firedoor.drill.fakes._fake import Asked, Said
from firedoor.drill.fakes._values import FakeOfValues


class FakeCohere(FakeOfValues):
    """Answers POST /v1/check-api-key."""

    name: ClassVar[str] = "cohere"
    prefix: ClassVar[str] = "co_"

    def __init__(self) -> None:
        super().__init__()
        self.route("POST", "/v1/check-api-key", self._tried)

    def _tried(self, asked: Asked) -> Said:
        value = asked.bearer()
        if value not in self.values:
            return Said(200, {"valid": False})
        return Said(data={"valid": True, "organization_id": "org_fake", "owner_id": "own_fake"})
