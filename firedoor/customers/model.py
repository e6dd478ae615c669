"""A customer, as the registry knows it. Pure data."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from firedoor.campaign import Channel
from firedoor.plan import Frozen


class Role(StrEnum):
    """What a contact is at the customer, in the order in which they are written to."""

    SECURITY = "security"
    ADMIN = "admin"
    OWNER = "owner"


class Contact(BaseModel):
    """A way to a person or a team.

    `address` is a mail address, a Slack channel (C…) or user (U…), an https URL or, where that is a secret, a reference
    to it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    channel: Channel
    address: str
    name: str = ""


class Dependency(BaseModel):
    """A credential of the customer that depends on us: never its value.

    `store` is where we keep it (`braintrust:ai_secret/ACME`, `aws-sm:customers/acme/openai`): an exposed place makes it
    an exposed credential, and a change there shows that it was replaced. `name` is what the customer calls it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    name: str = ""
    kind: str = ""
    id: str = ""
    scope: str = ""
    fingerprint: str = ""
    store: str = ""


class Customer(BaseModel):
    """Somebody who has to be told. `id` is its name in the inventory and everywhere else.

    `language` is a BCP 47 tag, `zone` an IANA time zone, `hours` the hours within which a contract wants it told of a
    breach (0: none).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}$")
    name: str = ""
    language: str = "en"
    zone: str = "UTC"
    hours: int = Field(default=0, ge=0, le=8760)
    contacts: tuple[Contact, ...] = ()
    credentials: tuple[Dependency, ...] = ()


class Affected(Frozen):
    """A customer of an audience: how sure it is, and which of its credentials are exposed."""

    customer: str
    exposure: str
    credentials: tuple[Dependency, ...] = ()
