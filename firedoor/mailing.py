"""The settings of what leaves for customers, and of what others must be told: `[mail]`, `[webhooks]`, `[notices]` ….

Unlike those of the doors, secrets here are references that the worker reads, as for providers: `env:`, `file:`,
`aws-sm:`, `vault:` ….
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, IPvAnyNetwork, StringConstraints

#: Messages a second to one domain of recipients.
DOMAIN_RATE = 20.0


class Ses(BaseModel):
    """Amazon SES v2, where `[mail] transport = "ses"`.

    `configuration_set` is the one whose events go to an SNS topic; `topics` are the ARNs of the topics that may send
    them to `/mail/ses`. `per_call` is how many messages one SendBulkEmail carries (50 at most).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: str = ""
    configuration_set: str = ""
    topics: tuple[Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:\S+$")], ...] = ()
    per_call: Annotated[int, Field(ge=1, le=50)] = 50
    base_url: str = ""


class Dkim(BaseModel):
    """Signing mail ourselves: selector and domain under which the public key is in DNS, a reference to the key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    selector: str = ""
    domain: str = ""
    key: str = ""


class Bounces(BaseModel):
    """What mail servers tell later, by mail: that a message did not arrive after all.

    `address` is where they send it (MAIL FROM); empty: the sender's. Any of `secrets` opens `/mail/bounces`, at which
    such mails may be posted; `firedoor serve` reads them when it starts. `firedoor campaign bounces` needs neither.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = ""
    secrets: tuple[Annotated[str, StringConstraints(pattern=r"^env:FIREDOOR_SECRET_[A-Z0-9_]+$|^file:/\S+$")], ...] = ()


class Mail(BaseModel):
    """How mail leaves. `security`: `starttls` (refuses a server without it), `tls` (from the first byte), `none`.

    `sender` is the From address, with a name if you like: `Acme Security <security@acme.example>`. `connections` are
    kept open at once; `rate` is messages a second over all, 0 for no limit; `domain_rate` the same for each domain of
    recipients. `ca_file` is a bundle of certificates to trust besides the system's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    transport: Literal["", "smtp", "ses"] = ""
    host: str = ""
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: str = ""
    ca_file: str = ""
    sender: str = ""
    reply_to: str = ""
    connections: Annotated[int, Field(ge=1, le=200)] = 10
    timeout: Annotated[FiniteFloat, Field(gt=0, le=600)] = 60.0
    rate: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    domain_rate: Annotated[FiniteFloat, Field(ge=0)] = DOMAIN_RATE
    ses: Ses = Ses()
    dkim: Dkim = Dkim()
    bounces: Bounces = Bounces()


class Webhooks(BaseModel):
    """How customers' webhooks are called. With `secret` (`whsec_…`, a reference) calls are signed: Standard Webhooks.

    `networks` (`10.1.0.0/16`) may be called besides the internet, by http too. `timeout` in seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: str = ""
    networks: tuple[IPvAnyNetwork, ...] = ()
    timeout: Annotated[FiniteFloat, Field(gt=0, le=120)] = 20.0


class Customers(BaseModel):
    """Where the registry of customers comes from, for `firedoor customers import` without a source.

    `source` is a file, an https address, or a database as SQLAlchemy names it, without a password; `query` is what a
    database is asked, `secret` a reference to its password, or to the bearer token of an address. `columns` says which
    of your columns is which of ours: `{customer = "Account ID", "security.email" = "Security contact"}`; with it,
    columns that it does not name are left alone. `same_address`: what happens where two customers have the same
    address: a message for `each`, or one for all (`merge`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = ""
    query: str = ""
    secret: str = ""
    columns: dict[str, str] = {}
    same_address: Literal["each", "merge"] = "each"


class Notices(BaseModel):
    """What notices are made with. `folder` holds your own, one folder a notice, beside those that ship.

    `company` signs them, `support` is where customers ask (an address or URL). `link_days` is how long a personal link
    lives.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str = ""
    company: str = ""
    support: str = ""
    link_days: Annotated[int, Field(ge=1, le=400)] = 90


class Deadlines(BaseModel):
    """When others must have been told. `file` has regimes of your own (TOML), beside and above those that ship."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = ""
