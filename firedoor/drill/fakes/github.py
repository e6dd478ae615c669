"""A fake of GitHub: tokens, and the revocation that is only for those who show no credential.

Judged by the official document (octokit/openapi 23.0.2) in the tests.
"""

from typing import Any, ClassVar

from firedoor.drill.fakes._fake import Asked, Fake, Planted, Said, canary
from firedoor.steps._step import Credential

MOST = 1000
DOCS = "https://docs.github.com/rest"
PREFIXES = {"personal_access_token": "ghp_", "installation_token": "ghs_", "app_private_key": "key_"}
#: What the batch takes; with anything else in it, it takes none.
REVOCABLE = ("ghp_", "github_pat_", "gho_", "ghu_", "ghr_")


class FakeGitHub(Fake):
    """Tokens by their value."""

    name: ClassVar[str] = "github"

    def __init__(self) -> None:
        super().__init__()
        self.tokens: dict[str, set[str]] = {kind: set() for kind in PREFIXES}
        #: Values that look like tokens and are none, as the checksum at their end tells GitHub.
        self.malformed: set[str] = set()
        self.route("GET", "/user", self._user)
        self.route("GET", "/installation/repositories", self._repositories)
        self.route("POST", "/credentials/revoke", self._revoke)
        self.route("DELETE", "/installation/token", self._end)

    def plant_credential(self, kind: str, name: str) -> Planted:
        """What a person, or an app, made."""
        value = canary(PREFIXES[kind])
        with self.lock:
            self.tokens[kind].add(value)
        return Planted(Credential(provider="github", kind=kind, name=name), value)

    def alive(self, kind: str) -> set[str]:
        """What GitHub accepts now."""
        return set(self.tokens[kind])

    def _user(self, asked: Asked) -> Said:
        known = asked.bearer() in self.tokens["personal_access_token"]
        return Said(data=_ada(asked)) if known else _bad()

    def _repositories(self, asked: Asked) -> Said:
        known = asked.bearer() in self.tokens["installation_token"]
        return Said(data={"total_count": 0, "repositories": []}) if known else _bad()

    def _revoke(self, asked: Asked) -> Said:
        if asked.bearer():
            return Said(403, {"message": "Authenticated requests are not allowed", "documentation_url": ""})
        given = asked.json().get("credentials")
        if not isinstance(given, list) or not 0 < len(given) <= MOST:
            return _invalid("credentials must be 1 to 1000 tokens")
        if strange := [place for place, one in enumerate(given) if not self._revocable(one)]:
            return _invalid(f"credentials[{strange[0]}] is invalid")
        self.tokens["personal_access_token"] -= set(given)
        return Said(202, {})

    def _revocable(self, given: object) -> bool:
        return isinstance(given, str) and given.startswith(REVOCABLE) and given not in self.malformed

    def _end(self, asked: Asked) -> Said:
        if asked.bearer() not in self.tokens["installation_token"]:
            return _bad()
        self.tokens["installation_token"].discard(asked.bearer())
        return Said(204)


def _ada(asked: Asked) -> dict[str, Any]:
    """All that GitHub says of a user."""
    links = "avatar events followers following gists html organizations received_events repos starred subscriptions"
    counts = ("followers", "following", "public_gists", "public_repos")
    nothing = ("gravatar_id", "bio", "blog", "company", "email", "hireable", "location", "name")
    return {
        "login": "ada",
        "id": 1,
        "node_id": "U_1",
        "type": "User",
        "site_admin": False,
        "url": "https://api.github.com/users/ada",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        **{f"{link}_url": f"https://api.github.com/users/ada/{link}" for link in links.split()},
        **dict.fromkeys(counts, 0),
        **dict.fromkeys(nothing),
    }


def _bad() -> Said:
    return Said(401, {"message": "Bad credentials", "documentation_url": DOCS})


def _invalid(why: str) -> Said:
    return Said(422, {"message": "Validation Failed", "documentation_url": DOCS, "errors": [why]})
