"""Is one credential of a customer replaced? Told by the place that holds it, else by the provider that made it.

A person's word is no evidence, and neither is silence: what cannot be told is `unknown`, never `replaced`.
"""

import datetime
from dataclasses import dataclass

from activities._clients import Clients
from activities.aws.accounts import timestamp
from activities.campaigns.listings import BRAINTRUST, Listing, Listings, name_in_listing
from activities.credentials.proof import Subject
from activities.providers._reading import fingerprint
from activities.sinks._sink import Held
from firedoor.campaign import REPLACED, Found
from firedoor.customers.model import Dependency
from firedoor.errors import StepError
from firedoor.plan import Verdict
from firedoor.providers import Verb, providers
from firedoor.providers._provider import ByApi
from firedoor.sinks import STORES, Place, place
from firedoor.steps._step import Credential

FOUND = {
    Verdict.CONTAINED: Found.REFUSED,
    Verdict.NOT_CONTAINED: Found.SAME,
    Verdict.UNKNOWN: Found.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look has found, in a sentence for people of ours. `at` is when it changed, if that is told."""

    found: Found
    says: str
    at: datetime.datetime | None = None


@dataclass(frozen=True, slots=True)
class Gauge:
    """Looks at credentials, each at most once in a round. Safe to share between threads."""

    clients: Clients
    listings: Listings
    since: datetime.datetime

    def glance(self, credential: Dependency, *, trying: bool) -> Finding | None:
        """What the listings say of a credential, without a call; None where it has to be looked at.

        Of 100,000 customers most are as they were, and a thread for each would be most of the work.
        """
        try:
            where = place(credential.store) if credential.store and not trying else None
        except StepError:
            return None
        listing = self.listings.of(where) if where else None
        if where is None or listing is None or listing.failure:
            return None
        times = listing.times.get(name_in_listing(where), [])
        if where.scheme == BRAINTRUST:
            return self._dated(STORES[where.scheme].title, min(times, key=_oldest)) if times else None
        return self._same(STORES[where.scheme].title) if self._untouched(listing, where) else None

    def look(self, credential: Dependency, *, seen: bool, trying: bool) -> Finding:
        """What there is to say of a credential. Blocks. Raises nothing that a provider can cause.

        `seen`: an earlier look found it in its place, so that its absence says that it is gone. With `trying` the old
        value, where it can be read, is shown to its provider as well.
        """
        try:
            where = place(credential.store) if credential.store else None
            found = self._stored(where, credential, seen=seen) if where else None
            if found and (found.found in REPLACED or not trying):
                return found
            tried = self._tried(credential, where)
        except StepError as error:
            return Finding(Found.UNKNOWN, f"It could not be checked: {error.what}")
        return _better(found, tried)

    def _stored(self, where: Place, credential: Dependency, *, seen: bool) -> Finding | None:
        """What its place says; None where the place names one version for ever."""
        title = STORES[where.scheme].title
        listing = self.listings.of(where)
        if listing and listing.failure:
            return Finding(Found.UNKNOWN, f"{title} could not be asked: {listing.failure.what}")
        if where.scheme == BRAINTRUST:
            times = listing.times.get(name_in_listing(where), []) if listing else []
            if seen and not times:
                times = self.listings.again(where)
            return self._dated(title, min(times, key=_oldest)) if times else self._gone(title, seen=seen)
        if where.version:
            return None
        if listing and self._untouched(listing, where):
            return self._same(title)
        try:
            held = self.clients.sink(credential.store).look()
        except StepError as error:
            if error.reason != "not_found":
                raise
            held = Held("")
        return self._held(title, held, credential, seen=seen) if held.version else self._gone(title, seen=seen)

    def _untouched(self, listing: Listing, where: Place) -> bool:
        times = listing.times.get(name_in_listing(where), [])
        return bool(times) and all(one is not None and one <= self.since for one in times)

    def _held(self, title: str, held: Held, credential: Dependency, *, seen: bool) -> Finding:
        """What a place holds. That it was written again says nothing where it is the exposed value all the same."""
        if held.value is None and STORES[place(credential.store).scheme].readable:
            return self._gone(title, seen=seen)
        if held.value is not None and credential.fingerprint == fingerprint(held.value):
            return Finding(Found.SAME, f"{title}: it holds the exposed value.")
        return self._dated(title, held.made or held.changed)

    def _dated(self, title: str, changed: datetime.datetime | None) -> Finding:
        if changed is None:
            return Finding(Found.UNKNOWN, f"{title} does not tell when it last changed.")
        if changed > self.since:
            return Finding(Found.CHANGED, f"{title}: it was changed at {timestamp(changed)}.", changed)
        return self._same(title)

    def _same(self, title: str) -> Finding:
        return Finding(Found.SAME, f"{title}: it has not changed since {timestamp(self.since)}.")

    def _gone(self, title: str, *, seen: bool) -> Finding:
        if seen:
            return Finding(Found.GONE, f"{title}: it was removed, and is no longer exposed there.")
        return Finding(Found.UNKNOWN, f"{title}: there is none of that name, and whether there was is not known.")

    def _tried(self, credential: Dependency, where: Place | None) -> Finding | None:
        """The provider's answer to the old value, or of its id where no place is known; None: there is nothing to try.

        What lies where nobody can read it is not asked about by its id: it is in the customer's account, not in ours.
        """
        provider = providers().get(credential.provider)
        if provider is None or (where is None and not credential.id):
            return None
        if where is not None and not STORES[where.scheme].readable:
            return None
        subject = Subject.of(self.clients, _asked(credential, by_id=where is None))
        by_value = subject.value is not None
        if (where is not None and not by_value) or not isinstance(subject.kind.means(Verb.VERIFY), ByApi):
            return None
        reading, _ = subject.read()
        if not reading.exists:
            return Finding(Found.UNKNOWN, f"{provider.title} does not know it: it may belong to another account.")
        says = f"{provider.title} {reading.evidence.says}."
        return Finding(FOUND[subject.proved(reading, by_value=by_value)], says)


def _asked(credential: Dependency, *, by_id: bool) -> Credential:
    """A customer's credential as its provider is asked about it."""
    fields = credential.model_dump(exclude={"store", "id"})
    return Credential(**fields, id=credential.id if by_id else "", where=credential.store)


def _better(stored: Finding | None, tried: Finding | None) -> Finding:
    """Of what the place and the provider say, what tells more."""
    told = [one for one in (tried, stored) if one is not None]
    certain = [one for one in told if one.found is not Found.UNKNOWN]
    return next(iter(certain or told), Finding(Found.UNKNOWN, "Nothing is known by which it could be checked."))


def _oldest(moment: datetime.datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
