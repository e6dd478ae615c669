"""A fake of Scale AI: it knows which values are alive, and nothing else of them."""

from base64 import b64decode
from typing import ClassVar

from firedoor.drill.fakes._fake import Asked, Said
from firedoor.drill.fakes._values import FakeOfValues


class FakeScaleAI(FakeOfValues):
    """Answers GET /v1/tasks?limit=1."""

    name: ClassVar[str] = "scaleai"
    prefix: ClassVar[str] = "live_"

    def __init__(self) -> None:
        super().__init__()
        self.route("GET", "/v1/tasks", self._tried)

    def _tried(self, asked: Asked) -> Said:
        value = b64decode(asked.headers.get("authorization", "").removeprefix("Basic ")).decode().removesuffix(":")
        if value not in self.values:
            return Said(401, {"error": {"message": "this key is not known"}})
        return Said(data={"docs": [], "total": 0, "limit": 1, "offset": 0, "has_more": False})
