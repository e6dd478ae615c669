"""When stored secrets last changed, told by one listing for all customers instead of a call for each.

A listing tells times only, never values. What it cannot tell is asked of the place itself (`gauge`).
"""

import datetime
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from activities._clients import Clients
from activities.providers import braintrust
from firedoor.errors import StepError
from firedoor.sinks import Place
from firedoor.steps.credentials import Found

#: Fewer places than that are asked one by one: a listing goes over everything that is stored there.
WORTH = 100
#: Objects of one page: as many as AWS gives.
SECRETS, PARAMETERS = 100, 50
BRAINTRUST = "braintrust"

Times = dict[str, list[datetime.datetime | None]]
#: Which listing has a place: the scheme, and what is listed by itself there (a kind; an account and region).
Key = tuple[str, str, str]


@dataclass
class Listing:
    """One listing: when the secret of each name changed, or why it could not be had."""

    times: Times = field(default_factory=Times)
    failure: StepError | None = None


class Listings:
    """The listings of one look at a campaign. Safe to share between threads."""

    def __init__(self, clients: Clients, places: Iterable[Place]) -> None:
        """`places` are all that will be asked for: whether a listing is worth its calls depends on how many."""
        self._clients = clients
        self._turn = threading.Lock()
        self._read: dict[Key, Listing] = {}
        self._counts: dict[Key, int] = {}
        for one in places:
            if key := _key(one):
                self._counts[key] = self._counts.get(key, 0) + 1

    def read(self, beat: Callable[[], None]) -> None:
        """Read every listing that is worth it. One that fails says so where it is asked for. Blocks."""
        for key, count in self._counts.items():
            if key[0] == BRAINTRUST or count >= WORTH:
                self._read[key] = self._listing(key)
                beat()

    def of(self, place: Place) -> Listing | None:
        """The listing that would have this place; None where there is none, and the place has to be asked."""
        return self._read.get(_key(place) or ("", "", ""))

    def again(self, place: Place) -> list[datetime.datetime | None]:
        """The times of a Braintrust secret, asked for by its name: that a list lacks it does not say that it is gone.

        Raises `StepError`.
        """
        kind, name = place.name.partition("/")[0], place.name.rpartition("/")[2]
        _, api = self._clients.provider(BRAINTRUST)
        found = map(_stored, braintrust.named(api, api.provider.kind(kind), name))
        return [moment for where, moment in found if where == name_in_listing(place)]

    def _listing(self, key: Key) -> Listing:
        found = Listing()
        try:
            for name, moment in self._objects(key):
                found.times.setdefault(name, []).append(moment)
        except StepError as error:
            found.failure = error
        return found

    def _objects(self, key: Key) -> Iterator[tuple[str, datetime.datetime | None]]:
        scheme, one, other = key
        if scheme == BRAINTRUST:
            module, api = self._clients.provider(BRAINTRUST)
            for found in module.inventory(api, api.provider.kind(one), ""):
                yield _stored(found)
        elif scheme == "aws-sm":
            manager = self._clients.aws.service("secretsmanager", one, other)
            for secret in manager.pages("ListSecrets", "SecretList", MaxResults=SECRETS)[0]:
                moment = secret.get("LastChangedDate") or secret.get("CreatedDate")
                yield from ((name, moment) for name in (secret["Name"], secret["ARN"]))
        else:
            ssm = self._clients.aws.service("ssm", one, other)
            for parameter in ssm.pages("DescribeParameters", "Parameters", MaxResults=PARAMETERS)[0]:
                yield str(parameter["Name"]), parameter.get("LastModifiedDate")


def name_in_listing(place: Place) -> str:
    """What a listing calls a place."""
    return f"{BRAINTRUST}:{place.name}" if place.scheme == BRAINTRUST else place.name


def _stored(found: Found) -> tuple[str, datetime.datetime | None]:
    changed = datetime.datetime.fromisoformat(found.changed) if found.changed else None
    return found.credential.where, changed


def _key(place: Place) -> Key | None:
    if place.scheme == BRAINTRUST:
        return (BRAINTRUST, place.name.partition("/")[0], "")
    if place.version or place.scheme not in {"aws-sm", "aws-ssm"}:
        return None
    if place.name.startswith("arn:"):
        region, account = place.name.split(":")[3:5]
        return (place.scheme, account, region)
    return (place.scheme, place.options.get("account", ""), place.options.get("region", ""))
