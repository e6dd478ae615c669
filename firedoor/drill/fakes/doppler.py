"""A fake of Doppler's secrets: changes that name the value which they expect, all of a request or none."""

import re
from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Fake, Said, canary

PROJECT, CONFIG = "gateway", "prd"
SECRETS = "/v3/configs/config/secrets"


class FakeDoppler(Fake):
    """One config. `secrets_now` are its raw values."""

    name: ClassVar[str] = "doppler"

    def __init__(self) -> None:
        super().__init__()
        self.token = canary("dp.st.prd.")
        self.secrets_now: dict[str, str] = {}
        #: Secrets whose value this token is not shown.
        self.restricted: set[str] = set()
        self.read_only = False
        #: What somebody else writes right before the next change arrives.
        self.meanwhile: dict[str, str] = {}
        self.route("GET", SECRETS, self._get)
        self.route("POST", SECRETS, self._post)

    def denied(self, asked: Asked) -> Said | None:
        """401 for another token, 403 for a write with a token that only reads."""
        if asked.bearer() != self.token:
            return _no(401, "Invalid Service token")
        return _no(403, "You do not have access") if self.read_only and asked.method == "POST" else None

    def _get(self, asked: Asked) -> Said:
        if (asked.one("project"), asked.one("config")) != (PROJECT, CONFIG):
            return _no(404, "Could not find requested config")
        wanted = asked.one("secrets").split(",")
        return Said(data={"secrets": {name: self._shown(name) for name in wanted if name in self.secrets_now}})

    def _post(self, asked: Asked) -> Said:
        body = asked.json()
        if (body.get("project"), body.get("config")) != (PROJECT, CONFIG):
            return _no(404, "Could not find requested config")
        self.secrets_now |= self.meanwhile
        changes = body["change_requests"]
        for change in changes:
            now = self.secrets_now.get(change["name"])
            if change["originalName"] not in (None, change["name"]) or (change["originalName"] is None) != (
                now is None
            ):
                return _no(400, "Secret names do not match")
            if change.get("originalValue") not in (None, now):
                return _no(400, "Original value does not match")
        self.secrets_now |= {change["name"]: change["value"] for change in changes}
        return Said(data={"secrets": {change["name"]: self._shown(change["name"]) for change in changes}})

    def _shown(self, name: str) -> dict[str, Any]:
        if name in self.restricted:
            return {"raw": None, "computed": None, "rawVisibility": "restricted", "note": ""}
        raw = self.secrets_now[name]
        computed = re.sub(r"\$\{(\w+)\}", lambda match: self.secrets_now.get(match[1], ""), raw)
        return {"raw": raw, "computed": computed, "rawVisibility": "masked", "note": ""}


def _no(status: int, message: str) -> Said:
    return Said(status, {"success": False, "messages": [message]})
