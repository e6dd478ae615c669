"""A fake of Together AI: it knows which values are alive, and nothing else of them."""

from typing import ClassVar

from firedoor.drill.fakes._fake import Asked, Said
from firedoor.drill.fakes._values import FakeOfValues


class FakeTogether(FakeOfValues):
    """Answers GET /v1/models."""

    name: ClassVar[str] = "together"
    prefix: ClassVar[str] = "tgp_"

    def __init__(self) -> None:
        super().__init__()
        self.route("GET", "/v1/models", self._tried)

    def _tried(self, asked: Asked) -> Said:
        value = asked.bearer()
        if value not in self.values:
            return Said(401, {"error": {"message": "this key is not known"}})
        return Said(data=[])
