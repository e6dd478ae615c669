"""A fake of PagerDuty: it knows which values are alive, and nothing else of them."""

from typing import ClassVar

from firedoor.drill.fakes._fake import Asked, Said
from firedoor.drill.fakes._values import FakeOfValues


class FakePagerDuty(FakeOfValues):
    """Answers GET /abilities."""

    name: ClassVar[str] = "pagerduty"
    prefix: ClassVar[str] = "pd_"

    def __init__(self) -> None:
        super().__init__()
        self.route("GET", "/abilities", self._tried)

    def _tried(self, asked: Asked) -> Said:
        value = asked.headers.get("authorization", "").removeprefix("Token token=")
        if value not in self.values:
            return Said(401, {"error": {"message": "this key is not known"}})
        return Said(data={"abilities": []})
