"""What Slack says no with."""

from collections.abc import Mapping, Sequence

from firedoor.drill.slack.state import JSON


class Refusal(Exception):
    """An answer of `{"ok": false, "error": …}`. `more` are further fields of it; `status` is of HTTP."""

    def __init__(
        self,
        error: str,
        *,
        messages: Sequence[str] = (),
        more: JSON | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.headers = dict(headers or {})
        self._messages = list(messages)
        self._more = more or {}

    @property
    def answer(self) -> JSON:
        """The body. Details about arguments stand in `response_metadata.messages`, as Slack's do."""
        details = [f"[ERROR] {message}" for message in self._messages]
        metadata: JSON = {"response_metadata": {"messages": details}} if details else {}
        return {"ok": False, "error": self.error} | self._more | metadata


def missing(*names: str) -> Refusal:
    """Arguments that a method needs were not given."""
    return Refusal("invalid_arguments", messages=[f"missing required field: {name}" for name in names])
