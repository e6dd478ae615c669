"""A fake of Hugging Face: whoami, and the revocation that needs nobody's permission and never says what it did."""

from typing import ClassVar

from firedoor.drill.fakes._fake import Asked, Said
from firedoor.drill.fakes._values import FakeOfValues

MOST = 1000


class FakeHuggingFace(FakeOfValues):
    """Tokens of users."""

    name: ClassVar[str] = "huggingface"
    prefix: ClassVar[str] = "hf_"

    def __init__(self) -> None:
        super().__init__()
        self.route("GET", "/api/whoami-v2", self._whoami)
        self.route("POST", "/api/credentials/revoke", self._revoke)

    def _whoami(self, asked: Asked) -> Said:
        if asked.bearer() not in self.values:
            return Said(401, {"error": "Invalid username or password."})
        return Said(data={"type": "user", "name": "ada", "auth": {"type": "access_token"}})

    def _revoke(self, asked: Asked) -> Said:
        given = asked.json().get("credentials")
        if not isinstance(given, list) or not 0 < len(given) <= MOST:
            return Said(400, {"error": "credentials must be a list"})
        self.values -= set(given)
        return Said(202)
