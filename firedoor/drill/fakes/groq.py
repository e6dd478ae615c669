"""A fake of Groq: it knows which values are alive, and nothing else of them."""

from typing import ClassVar

from firedoor.drill.fakes._fake import Asked, Said
from firedoor.drill.fakes._values import FakeOfValues


class FakeGroq(FakeOfValues):
    """Answers GET /openai/v1/models."""

    name: ClassVar[str] = "groq"
    prefix: ClassVar[str] = "gsk_"

    def __init__(self) -> None:
        super().__init__()
        self.route("GET", "/openai/v1/models", self._tried)

    def _tried(self, asked: Asked) -> Said:
        value = asked.bearer()
        if value not in self.values:
            return Said(401, {"error": {"message": "this key is not known"}})
        return Said(data={"object": "list", "data": []})
