"""The settings of the front doors that listen: `[server]`, `[alerts.NAME]`, `[slack]`, `[oidc]`.

No setting holds a secret. A secret is a reference that the server itself reads when it starts: `env:FIREDOOR_SECRET_…`
or `file:/PATH`. It needs no other stores, and none of the workers' permissions.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints

#: A secret of a door: where the server reads it.
DoorSecret = Annotated[str, StringConstraints(pattern=r"^$|^env:FIREDOOR_SECRET_[A-Z0-9_]+$|^file:/\S+$")]
#: As a policy of a runbook names people: `role:…`, `user:…`, `slack:@…`.
PeopleSource = Annotated[str, StringConstraints(pattern=r"^(role|user|slack):\S+$")]
DoorName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]


class Server(BaseModel):
    """`firedoor serve`: where it listens. `public_url` is how the world reaches it, without a slash at the end.

    `proxies` are the addresses of reverse proxies whose `X-Forwarded-For` is believed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8765
    public_url: Annotated[str, StringConstraints(pattern=r"^$|^https?://[^\s/]+(/\S*[^\s/])?$")] = ""
    proxies: tuple[str, ...] = ()


class AlertDoor(BaseModel):
    """A door for alerts, `/hooks/NAME`. `source` is the kind of sender; empty = NAME itself.

    Any of `secrets` opens. `topics` are the ARNs of the SNS topics that may send. `header` carries the secret of
    sources that sign nothing. `signature_version` is the least that SNS has to sign with. `map` (source `generic`)
    gives fields of the alert as CEL over `body` and `headers`; `timestamp` says whether such a sender has to sign the
    time, without which a delivery that was caught can be sent again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = ""
    secrets: tuple[DoorSecret, ...] = ()
    topics: tuple[Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:\S+$")], ...] = ()
    header: str = "authorization"
    signature_version: Annotated[int, Field(ge=1, le=2)] = 1
    map: dict[str, str] = {}
    timestamp: Literal["required", "none"] = "required"


class Slack(BaseModel):
    """Slack: tokens, whose people may use it, where incidents are told.

    `bot_token` (xoxb-) is needed; `app_token` (xapp-) for Socket Mode, `signing_secret` for HTTP. `team` (T…) and
    `enterprise` (E…) are ours: whoever belongs to another is a stranger. `channel` (C…) gets a message for each
    incident. `start` says who may start a runbook, by its name; `*` is any other. Without it, whoever the settings know
    may. Slack asks for pauses between calls: they are `pace` times as long, less than 1 only for a Slack on loopback.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bot_token: DoorSecret = ""
    app_token: DoorSecret = ""
    signing_secret: DoorSecret = ""
    team: Annotated[str, StringConstraints(pattern=r"^$|^T[A-Z0-9]+$")] = ""
    enterprise: Annotated[str, StringConstraints(pattern=r"^$|^E[A-Z0-9]+$")] = ""
    channel: Annotated[str, StringConstraints(pattern=r"^$|^[CG][A-Z0-9]+$")] = ""
    start: dict[str, tuple[PeopleSource, ...]] = {}
    base_url: str = "https://slack.com/api/"
    pace: Annotated[FiniteFloat, Field(ge=0, le=100)] = 1.0


class Oidc(BaseModel):
    """Who vouches for bearer tokens of people: an OpenID Connect issuer, and the audience that its tokens name.

    `claim` is the one that tells who it is: `oidc:CLAIM` is the identity in `[people]`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Annotated[str, StringConstraints(pattern=r"^$|^https?://\S+$")] = ""
    audience: str = ""
    claim: str = "sub"
