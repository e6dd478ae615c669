"""A leaked GitHub token: a thief uses it, the responder pastes it into a hidden prompt, and it dies."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from firedoor.drill.credentials_stage import CredentialsStage, User, bearer
from firedoor.drill.fakes.github import FakeGitHub
from firedoor.drill.scenario import Reply

QUARANTINE, PLACE = "incident/github", "ci/github"


class GitHubTokenLeaked(CredentialsStage):
    """The token of a pipeline, in a secret that the pipeline reads, and in a thief's hands."""

    name: ClassVar[str] = "github-token-leaked"
    title: ClassVar[str] = "A leaked GitHub token is used by a stranger"
    script: ClassVar[Mapping[str, Reply]] = {
        "intake": Reply("answer", "drill"),
        "audit": Reply("answer", "drill", {"clean": True, "note": "a deploy key, removed"}),
        "replace": Reply("answer", "drill"),
    }
    shortened: ClassVar[tuple[str, ...]] = ("GitHub is a fake on loopback that behaves as its API document says.",)

    def __init__(self) -> None:
        super().__init__()
        self.github = FakeGitHub()
        self.fakes = [self.github]

    def plant(self) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """The token in the pipeline's secret, and an empty place for the leaked value."""
        self.leaked = self.github.plant_credential("personal_access_token", "ci").value
        self.new = self.github.plant_credential("personal_access_token", "ci-2").value
        return {PLACE: self.leaked, QUARANTINE: "nothing yet"}, {}

    def inputs(self) -> Mapping[str, str]:
        """What the person types who found it."""
        return {"token": "ci-deploy", "owner": "ada", "quarantine": f"aws-sm:{QUARANTINE}", "sink": f"aws-sm:{PLACE}"}

    def pasted(self, step: str) -> Mapping[str, str]:
        """The leaked token, and the one that its owner made."""
        return {"intake": {"leaked": self.leaked}, "replace": {"token": self.new}}.get(step, {})

    def users(self) -> Iterable[User]:
        """The thief has the token; the pipeline fetches it."""
        url = f"{self.github.url}/user"
        yield User("the thief", lambda: (url, bearer(self.leaked)), 401)
        yield User("the pipeline", lambda: (url, bearer(self.fetched(PLACE))), 200)

    def said(self) -> str:
        """What was proved."""
        return "GitHub refuses the leaked token with 401, and the pipeline works with a new one."
