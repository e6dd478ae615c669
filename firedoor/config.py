"""Settings: the one reader of the environment.

From `firedoor.toml` (in the home folder, or where `FIREDOOR_CONFIG` points) and variables that override it. How
Temporal is reached comes from Temporal's own variables and profile file (`TEMPORAL_ADDRESS`, `TEMPORAL_PROFILE`, …).
"""

import getpass
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firedoor.errors import UsageError


class AwsAccount(BaseModel):
    """How to act in one account: the role to assume there; `external_id` if its trust policy asks for one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role_arn: str
    external_id: str = ""


class Aws(BaseModel):
    """AWS: the region of regional calls, an endpoint for emulators, a role per account id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: str = "us-east-1"
    endpoint_url: str = ""
    accounts: dict[str, AwsAccount] = {}
    #: Regions that CloudTrail is asked in; empty = the one above.
    cloudtrail_regions: tuple[str, ...] = ()
    #: Seconds over which a change is read again before it counts as stable (IAM is eventually consistent).
    settle_seconds: float = 10.0


class Settings(BaseModel):
    """All settings of one installation. Folders are absolute; `log` names the timeline (its checkpoint origin)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    log: str = "firedoor.local/timeline"
    task_queue: str = "firedoor"
    runbooks: tuple[Path, ...] = ()
    temporal_binary: str = ""
    emulator: str = ""
    codec: bool = True
    aws: Aws = Aws()
    #: Who holds a role: `{"security": ["user:ada"]}`.
    roles: dict[str, tuple[str, ...]] = {}
    #: What Temporal's own client configuration reads; kept here so that nobody else reads the environment.
    #: What `env:NAME` references of runbooks may read: the variables whose names begin with FIREDOOR_SECRET_.
    secret_environment: dict[str, str] = Field(default_factory=dict, repr=False)
    temporal_environment: dict[str, str] = Field(default_factory=dict, repr=False)

    @property
    def timeline_path(self) -> Path:
        """The SQLite file of the timeline."""
        return self.home / "timeline.sqlite"

    @property
    def signing_key_path(self) -> Path:
        """The Ed25519 key that signs checkpoints (mode 0600); the public key stands beside it with `.pub`."""
        return self.home / "timeline.key"

    @property
    def codec_key_path(self) -> Path:
        """The AES key that encrypts what Temporal stores (mode 0600)."""
        return self.home / "codec.key"

    @property
    def blobs_path(self) -> Path:
        """The folder of large payloads, encrypted, which Temporal's history only names."""
        return self.home / "blobs"

    @property
    def temporal_db_path(self) -> Path:
        """The database of the local Temporal dev server."""
        return self.home / "temporal.db"

    def roles_of(self, principal: str) -> tuple[str, ...]:
        """The roles that the configuration gives to a principal."""
        return tuple(sorted(role for role, members in self.roles.items() if principal in members))


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises `UsageError` with the file and the field that is wrong."""
    variables = dict(os.environ if environment is None else environment)
    home = Path(
        variables.get("FIREDOOR_HOME") or Path(variables.get("HOME", "~")).expanduser() / ".firedoor"
    ).absolute()
    path = Path(variables.get("FIREDOOR_CONFIG") or home / "firedoor.toml")
    values: dict[str, Any] = {"home": home}
    if path.exists():
        try:
            values |= tomllib.loads(path.read_text())
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{path} is not valid TOML: {error}.", next="Correct the file and try again.") from None
    elif "FIREDOOR_CONFIG" in variables:
        raise UsageError(
            f"FIREDOOR_CONFIG names {path}, which does not exist.", next="Create it, or unset the variable."
        )
    for name in ("log", "task_queue", "temporal_binary", "emulator"):
        if value := variables.get(f"FIREDOOR_{name.upper()}"):
            values[name] = value
    values["secret_environment"] = {
        key: value for key, value in variables.items() if key.startswith("FIREDOOR_SECRET_")
    }
    values["temporal_environment"] = {key: value for key, value in variables.items() if key.startswith("TEMPORAL_")}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{path}: {field}: {first['msg']}.", next="docs/reference/settings.md lists every setting."
        ) from None


def local_user() -> str:
    """The operating-system user as a principal, `user:NAME`: the identity of whoever uses the local command line."""
    return f"user:{getpass.getuser()}"
