"""A fake of npm: it knows which values are alive, and nothing else of them."""

from typing import ClassVar

from firedoor.drill.fakes._fake import Asked, Said
from firedoor.drill.fakes._values import FakeOfValues


class FakeNpm(FakeOfValues):
    """Answers GET /-/whoami."""

    name: ClassVar[str] = "npm"
    prefix: ClassVar[str] = "npm_"

    def __init__(self) -> None:
        super().__init__()
        self.route("GET", "/-/whoami", self._tried)

    def _tried(self, asked: Asked) -> Said:
        value = asked.bearer()
        if value not in self.values:
            return Said(401, {"error": {"message": "this key is not known"}})
        return Said(data={"username": "gateway"})
