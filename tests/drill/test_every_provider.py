"""A credential of every provider that has an API for it is replaced in one real incident; no value is written anywhere.

By the program itself: `firedoor drill`, with the Temporal server, the worker, the timeline and the export that it makes,
and what it prints. What Temporal stores is left readable, so that the search means something.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from firedoor.cli.app import run
from firedoor.drill import scenarios
from firedoor.drill.credentials_stage import CredentialsStage, User, called
from firedoor.drill.fakes import FAKES
from firedoor.drill.scenario import Reply
from firedoor.errors import Exit
from firedoor.providers import providers
from firedoor.steps._step import Credential
from tests.activities.test_rotation_everywhere import KINDS
from tests.written import contents

RUNBOOK = """
name: every-provider
steps:
  find: {uses: inventory.find}
  routine:
    for_each: ${{ steps.find.found.filter(one, one.name.startsWith('routine')) }}
    as: one
    concurrency: 10
    uses: credential.rotate
    with: {credential: '${{ one.credential }}', into: '${{ one.places }}', mode: rotation, gap: true}
  breach:
    for_each: ${{ steps.find.found.filter(one, one.name.startsWith('breach')) }}
    as: one
    concurrency: 10
    uses: credential.rotate
    with: {credential: '${{ one.credential }}', into: '${{ one.places }}', mode: breach}
"""


class EveryProvider(CredentialsStage):
    """Two credentials of each kind, each in a secret: one to replace as a routine, one that leaked."""

    name: ClassVar[str] = "every-provider"
    title: ClassVar[str] = "A credential of every provider is replaced"
    script: ClassVar[Mapping[str, Reply]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.providers = {name: FAKES[name]() for name in sorted({name for name, _ in KINDS})}
        self.fakes = [*self.providers.values()]
        #: Whatever must be written nowhere.
        self.secrets: set[str] = set()

    def configuration(self) -> Mapping[str, Any]:
        """With what Temporal stores left readable."""
        return {**super().configuration(), "codec": False}

    def plant(self) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """Of each kind that an API creates, and of AWS."""
        self.planted = {
            f"{mode}-{name}-{kind}": self.providers[name].plant_credential(kind, f"{mode}-{kind}")
            for mode in ("routine", "breach")
            for name, kind in KINDS
            # The slots of one account would take each other's place.
            if mode == "breach" or providers()[name].kind(kind).replacement != "slots"
        }
        listed = {name: one.credential.model_dump() for name, one in self.planted.items()}
        self.old = {name: one.value for name, one in self.planted.items()}
        for mode in ("routine", "breach"):
            listed[f"{mode}-aws"], self.old[f"{mode}-aws"] = self._access_key(f"{mode}-gateway")
        fields = ("provider", "kind", "id", "scope", "name", "owner")
        entries = {
            name: {field: one[field] for field in fields if one.get(field)} | {"where": [f"aws-sm:every/{name}"]}
            for name, one in listed.items()
        }
        return {f"every/{name}": value for name, value in self.old.items()}, {"credentials": entries}

    @property
    def credentials(self) -> list[Credential]:
        """Those of the fakes."""
        return [one.credential for one in self.planted.values()]

    def users(self) -> Iterable[User]:
        """A thief and a consumer of OpenAI; what all others are answered is asked of the fakes."""
        url, name = f"{self.providers['openai'].url}/v1/models", "routine-openai-service_account_key"
        yield User("thief", partial(called, url, lambda: self.old[name]), 401)
        yield User("consumer", partial(called, url, partial(self.fetched, f"every/{name}")), 200, always=True)

    def permissions(self) -> list[dict[str, Any]]:
        """To replace keys."""
        return [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]

    def doubts(self) -> Iterable[str]:
        """Every secret has another value, which works, and the old one does not."""
        self.secrets |= {value for fake in self.fakes for value in fake.secrets.values() if "canary" in value}
        for name, old in self.old.items():
            new = self.fetched(f"every/{name}")
            self.secrets |= {old, new}
            if new == old:
                yield f"{name} was not replaced."
            if name in self.planted:
                credential = self.planted[name].credential
                alive = self.providers[credential.provider].alive(credential.kind)
                if new not in alive or old in alive:
                    yield f"{name}: the new value is {new in alive}, the old one {old in alive}."

    def said(self) -> str:
        """What was proved."""
        return f"All {len(self.old)} credentials are new, and the old ones are refused."

    def _access_key(self, user: str) -> tuple[dict[str, Any], str]:
        iam = self.aws.client("iam")
        iam.create_user(UserName=user)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        value = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        return {"provider": "aws", "id": key["AccessKeyId"], "scope": user}, json.dumps(value)


def test_no_value_of_any_provider_is_written_or_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """History and database of Temporal, timeline, logs, export, terminal: none has an old value, a new one, an own one."""
    runbooks, kept = tmp_path / "runbooks", tmp_path / "kept"
    runbooks.mkdir()
    (runbooks / "every-provider.yaml").write_text(RUNBOOK)
    home = tmp_path / "home"
    home.mkdir()
    (home / "firedoor.toml").write_text(f'runbooks = ["{runbooks}"]\n')
    made: list[EveryProvider] = []

    def scenario() -> EveryProvider:
        made.append(EveryProvider())
        return made[-1]

    monkeypatch.setitem(scenarios.SCENARIOS, "every-provider", scenario)
    code = run(["drill", "every-provider", "--keep", str(kept)])
    shown, one = capfd.readouterr(), made[0]
    assert code == Exit.OK, shown.out
    assert f"All {len(one.old)} credentials are new, and the old ones are refused." in shown.out
    assert {(credential.provider, credential.kind) for credential in one.credentials} == {*KINDS}
    found = [*contents(kept, without="emulator"), ("stdout", shown.out.encode()), ("stderr", shown.err.encode())]
    assert any(b"credential.rotate" in text for name, text in found if "temporal.db: " in name)
    assert any(b"credential.rotate" in text for name, text in found if "timeline.sqlite: " in name)
    assert any(b"credential.rotate" in text for name, text in found if "incident.zip: " in name)
    assert len(one.secrets) > 2 * len(one.old)
    for name, text in found:
        assert not re.search(rb"canary[0-9a-f]{8}", text), name
        assert not [needle for needle in needles(one.secrets) if needle in text], name


def needles(secrets: Iterable[str]) -> set[bytes]:
    """The values as they are and in Base64; of a JSON object what is secret in it, line by line."""
    found: set[bytes] = set()
    for value in secrets:
        parts = json.loads(value) if value.startswith("{") else {"secret": value}
        own = [str(part) for name, part in parts.items() if "secret" in name or name == "private_key"]
        for one in (value, *(line for part in own for line in part.splitlines() if "PRIVATE KEY" not in line)):
            found |= {one.encode(), b64encode(one.encode())}
    return found
