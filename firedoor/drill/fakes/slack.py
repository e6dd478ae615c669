"""A fake of Slack's auth methods: status 200 whatever happens, `ok` and `error` in the answer."""

from typing import ClassVar

from firedoor.drill.fakes._fake import Asked, Said
from firedoor.drill.fakes._values import FakeOfValues


class FakeSlack(FakeOfValues):
    """Tokens of apps."""

    name: ClassVar[str] = "slack"
    prefix: ClassVar[str] = "xoxb-"

    def __init__(self) -> None:
        super().__init__()
        self.revoked: set[str] = set()
        self.route("GET", "/api/auth.test", self._test)
        self.route("POST", "/api/auth.revoke", self._revoke)

    def _refusal(self, asked: Asked) -> Said | None:
        if asked.bearer() in self.values:
            return None
        return Said(data={"ok": False, "error": "token_revoked" if asked.bearer() in self.revoked else "invalid_auth"})

    def _test(self, asked: Asked) -> Said:
        who = {
            "url": "https://gateway.slack.com/",
            "team": "Gateway",
            "user": "bot",
            "team_id": "T00000001",
            "user_id": "U00000001",
        }
        return self._refusal(asked) or Said(data={"ok": True, **who})

    def _revoke(self, asked: Asked) -> Said:
        if refusal := self._refusal(asked):
            return refusal
        self.values.discard(asked.bearer())
        self.revoked.add(asked.bearer())
        return Said(data={"ok": True, "revoked": True})
