"""Settings: the one reader of the environment.

From `firedoor.toml` (in the home folder, or where `FIREDOOR_CONFIG` points) and variables that override it. How
Temporal is reached comes from Temporal's own variables and profile file (`TEMPORAL_ADDRESS`, `TEMPORAL_PROFILE`, …).
"""

import os
import pwd
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, ValidationError, field_validator

from firedoor.doors import AlertDoor, DoorName, Oidc, Server, Slack
from firedoor.errors import UsageError
from firedoor.mailing import Customers, Deadlines, Mail, Notices, Webhooks
from firedoor.plan import BULK
from firedoor.providers import providers
from firedoor.providers._provider import Provider, Setting
from firedoor.sinks import STORES
from firedoor.sinks._references import circle, why_unreadable

#: How a front door knows somebody: `os:ada`, `slack:T01/U02`, `oidc:ada@example.com`.
Identity = Annotated[str, StringConstraints(pattern=r"^[a-z]+:\S(.*\S)?$")]
#: Without a colon, so that `user:NAME` of a person is never that of an identity which belongs to nobody.
PersonName = Annotated[str, StringConstraints(pattern=r"^[\w.@+-]+$")]
Principal = Annotated[str, StringConstraints(pattern=r"^user:\S+$")]
Deployment = Annotated[str, StringConstraints(pattern=r"^[\w-]*$")]


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


class Limit(BaseModel):
    """How often a provider may be called: calls a second in the long run, and how many at once after a rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: Annotated[FiniteFloat, Field(ge=0.01, le=10_000)]
    burst: Annotated[int, Field(ge=1, le=10_000)]


#: What the limit of a provider that is not listed is called.
OTHERS = "others"

#: Below what the providers allow an account, for its owner calls as well. IAM publishes no numbers and minds writes
#: most; CloudTrail allows LookupEvents 2/s, Secrets Manager all puts together 50/s, STS 600/s, the Parameter Store 40
#: reads (https://docs.aws.amazon.com/general/latest/gr/ssm.html) and, as AWS's support says, 3 puts.
LIMITS = {
    "aws.iam": Limit(rate=10, burst=20),
    "aws.iam.write": Limit(rate=2, burst=10),
    "aws.sts": Limit(rate=50, burst=100),
    "aws.cloudtrail": Limit(rate=2, burst=2),
    "aws.secretsmanager": Limit(rate=100, burst=200),
    "aws.secretsmanager.write": Limit(rate=20, burst=40),
    "aws.ssm": Limit(rate=20, burst=40),
    "aws.ssm.write": Limit(rate=2, burst=3),
    OTHERS: Limit(rate=5, burst=10),
}

#: What every provider and sink may be given besides its own settings: where it is, and the file with the certificates
#: (PEM) of the authority that vouches for it, where that is a private one.
BASE_URL, CA_FILE = "base_url", "ca_file"


class Person(BaseModel):
    """Somebody, and how each front door knows them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    identities: tuple[Identity, ...]


class Notify(BaseModel):
    """How people are told: a program (with its arguments) that gets each notice as JSON on its standard input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: tuple[str, ...] = ()

    @field_validator("command")
    @classmethod
    def _by_its_path(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        """Which program it is must not depend on who starts the worker."""
        if command and not command[0].startswith("/"):
            raise ValueError(f"{command[0]!r} is not the whole path of a program")
        return command


class Settings(BaseModel):
    """All settings of one installation. Folders are absolute; `log` names the timeline (its checkpoint origin)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    log: str = "firedoor.local/timeline"
    task_queue: str = "firedoor"
    #: The name of the Temporal Worker Deployment that the workers belong to; empty = they are not versioned.
    deployment: Deployment = ""
    runbooks: tuple[Path, ...] = ()
    #: Every incident here is a drill, and says so: for a stage on which nothing is real.
    drill: bool = False
    #: The inventory of credentials; empty = `inventory.yaml` in the data folder, if there is one.
    inventory: str = ""
    temporal_binary: str = ""
    emulator: str = ""
    codec: bool = True
    aws: Aws = Aws()
    #: Who is who: `{"ada": {"identities": ["os:ada.l", "slack:T01/U02"]}}`.
    people: dict[PersonName, Person] = {}
    #: Who holds a role: `{"security": ["user:ada"]}`.
    roles: dict[str, tuple[str, ...]] = {}
    #: Who belongs to a chat group, for whoever does not come in by that chat: `{"slack:@security": ["user:ada"]}`.
    groups: dict[Identity, tuple[Principal, ...]] = {}
    notify: Notify = Notify()
    server: Server = Server()
    #: The doors of alerts by their names: `{"guardduty": {"topics": ["arn:aws:sns:…"]}}`.
    alerts: dict[DoorName, AlertDoor] = {}
    slack: Slack = Slack()
    oidc: Oidc = Oidc()
    #: How mail to customers leaves; who they are; what they are told.
    mail: Mail = Mail()
    webhooks: Webhooks = Webhooks()
    customers: Customers = Customers()
    notices: Notices = Notices()
    deadlines: Deadlines = Deadlines()
    #: By provider; what is not given has its default.
    limits: dict[str, Limit] = Field(default_factory=lambda: {**default_limits()})
    #: `{"openai": {"admin_key": "env:FIREDOOR_SECRET_OPENAI"}}`: how to act at a provider. Secrets are references.
    providers: dict[str, dict[str, str]] = {}
    #: The same for sinks, by their scheme.
    sinks: dict[str, dict[str, str]] = {}
    #: What `env:NAME` references of runbooks may read: the variables whose names begin with FIREDOOR_SECRET_.
    secret_environment: dict[str, str] = Field(default_factory=dict, repr=False)
    #: What Temporal's own client configuration reads; kept here so that nobody else reads the environment.
    temporal_environment: dict[str, str] = Field(default_factory=dict, repr=False)

    @field_validator("people")
    @classmethod
    def _one_person_each(cls, people: dict[str, Person]) -> dict[str, Person]:
        """An identity belongs to one person, or it would approve as two."""
        owners: dict[str, str] = {}
        for name, person in people.items():
            for identity in person.identities:
                if owners.setdefault(identity, name) != name:
                    raise ValueError(f"{identity} is an identity of {owners[identity]} and of {name}, and can be one's")
        return people

    @field_validator("limits")
    @classmethod
    def _with_defaults(cls, limits: dict[str, Limit]) -> dict[str, Limit]:
        known = default_limits()
        if unknown := sorted(limits.keys() - known.keys()):
            raise ValueError(f"{unknown[0]} is none of {', '.join(known)}")
        return known | limits

    @field_validator("providers")
    @classmethod
    def _known_providers(cls, given: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        _check_settings(given, {name: one.settings for name, one in providers().items()})
        return given

    @field_validator("sinks")
    @classmethod
    def _known_sinks(cls, given: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        _check_settings(given, {name: one.settings for name, one in STORES.items()})
        if schemes := circle(given):
            raise ValueError(f"the secrets of {', '.join(schemes)} lie in one another: nobody could read the first")
        return given

    @property
    def bulk_queue(self) -> str:
        """Temporal's task queue of mass work: slices of a `for_each`."""
        return self.task_queue + BULK

    @property
    def inventory_path(self) -> Path:
        """The inventory of credentials. It need not exist unless the settings name it."""
        return Path(self.inventory).expanduser() if self.inventory else self.home / "inventory.yaml"

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

    @property
    def deliveries_path(self) -> Path:
        """The SQLite file of alerts that were delivered, and what became of them."""
        return self.home / "deliveries.sqlite"

    @property
    def slack_path(self) -> Path:
        """The SQLite file of what firedoor has posted to Slack, and what it has handled."""
        return self.home / "slack.sqlite"

    @property
    def tokens_path(self) -> Path:
        """The SQLite file of the API's tokens, hashed."""
        return self.home / "tokens.sqlite"

    @property
    def customers_path(self) -> Path:
        """The SQLite file of the registry of customers."""
        return self.home / "customers.sqlite"

    @property
    def outbox_path(self) -> Path:
        """The SQLite file of campaigns: every message to a customer, and what became of it."""
        return self.home / "outbox.sqlite"

    @property
    def disclosures_path(self) -> Path:
        """The SQLite file of what may be erased: the values behind the salted digests of the timeline."""
        return self.home / "disclosures.sqlite"

    @property
    def unsubscribed_path(self) -> Path:
        """The SQLite file of addresses that want no informational notices."""
        return self.home / "unsubscribed.sqlite"

    @property
    def link_key_path(self) -> Path:
        """The key that signs the personal links of notices (mode 0600)."""
        return self.home / "links.key"

    @property
    def limits_path(self) -> Path:
        """The SQLite file in which all workers count their calls of providers. It may be deleted at any time."""
        return self.home / "limits.sqlite"

    def principal_of(self, identity: str) -> str:
        """Who somebody is that a front door knows as `identity`: the person who is given it, in every front door.

        An operating-system user whom nobody is given is `user:NAME`, unless a person has that name already: then
        nothing says that they are the same, and it is `user:os:NAME`, which is nobody's name.
        """
        for name, person in self.people.items():
            if identity in person.identities:
                return f"user:{name}"
        door, _, name = identity.partition(":")
        return f"user:{name}" if door == "os" and name not in self.people else f"user:{identity}"

    def lacking(self, provider: Provider) -> tuple[str, ...]:
        """The secrets of a provider for which there is no reference."""
        given = self.providers.get(provider.name, {})
        return tuple(name for name, one in provider.settings.items() if one.secret and not given.get(name))

    def roles_of(self, principal: str) -> tuple[str, ...]:
        """The roles that the configuration gives to a principal."""
        return _having(principal, self.roles)

    def groups_of(self, principal: str) -> tuple[str, ...]:
        """The chat groups that the configuration puts a principal into."""
        return _having(principal, self.groups)

    def members(self, sources: Iterable[str]) -> tuple[str, ...]:
        """The principals that the configuration knows behind sources of a policy (`role:…`, `user:…`, `slack:@…`)."""
        found: set[str] = set()
        for source in sources:
            kind, _, name = source.partition(":")
            if kind == "role":
                found |= set(self.roles.get(name, ()))
            elif kind == "user":
                found.add(source)
            else:
                found |= set(self.groups.get(source, ()))
        return tuple(sorted(found))


def default_limits() -> dict[str, Limit]:
    """The limits of AWS's services, and of every provider and sink that is called by HTTP."""
    others = {one.name: Limit(rate=one.rate, burst=one.burst) for one in providers().values() if one.http}
    sinks = {one.scheme: Limit(rate=one.rate, burst=one.burst) for one in STORES.values() if one.base_url}
    return LIMITS | sinks | others


def _check_settings(given: Mapping[str, Mapping[str, str]], known: Mapping[str, Mapping[str, Setting]]) -> None:
    """Every name must be known, and a secret must be a reference. Raises `ValueError`, without the value."""
    for name, values in given.items():
        if name not in known:
            raise ValueError(f"{name} is none of {', '.join(sorted(known))}")
        for setting, value in values.items():
            allowed = known[name]
            if setting not in allowed and setting not in {BASE_URL, CA_FILE}:
                raise ValueError(f"{name}.{setting} is none of {', '.join((*allowed, BASE_URL, CA_FILE))}")
            if setting in allowed and allowed[setting].secret and (why := why_unreadable(value)):
                raise ValueError(f"{name}.{setting} {why}")


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
        except RecursionError:
            raise UsageError(f"{path} is nested too deeply.", next="Correct the file and try again.") from None
    elif "FIREDOOR_CONFIG" in variables:
        raise UsageError(
            f"FIREDOOR_CONFIG names {path}, which does not exist.", next="Create it, or unset the variable."
        )
    for name in ("log", "task_queue", "deployment", "inventory", "temporal_binary", "emulator"):
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
        said = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path}: {field}: {said}.", next="docs/reference/settings.md lists every setting.") from None


def local_identity() -> str:
    """The operating-system user of this process, `os:NAME`.

    From the user id, never from a variable: whoever may set LOGNAME would be whom they like.
    """
    number = os.getuid()
    try:
        return f"os:{pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"os:{number}"


def local_user() -> str:
    """`user:NAME` of the operating-system user, where the configuration says nothing else of them."""
    return f"user:{local_identity().removeprefix('os:')}"


def _having(principal: str, table: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The names under which a principal stands."""
    return tuple(sorted(name for name, members in table.items() if principal in members))
