"""Who is hit when a credential stops working, as the inventory says: for previews, so that an approver sees it."""

from collections.abc import Iterator, Sequence

from activities._clients import Clients
from firedoor.errors import StepError
from firedoor.incident import Dependent
from firedoor.inventory import Inventory
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

#: As many are named; the others are counted. Previews stay in Temporal's history.
NAMED = 50


def dependents(clients: Clients, credential: Credential) -> tuple[Dependent, ...]:
    """The consumers and customers of a credential. An inventory that cannot be read must not stop a revocation."""
    return dependents_of_any(clients, (credential,), credential.label)


def dependents_of_any(clients: Clients, credentials: Sequence[Credential], label: str) -> tuple[Dependent, ...]:
    """The consumers and customers of several, each named once; `label` is what a person calls them."""
    try:
        inventory = clients.inventory()
    except StepError as error:
        return (
            Dependent(kind="services", name="inventory", says=f"The inventory cannot be read: {error.what}", count=0),
        )
    reach = inventory.reach(sorted({name for one in credentials for name in inventory.known(one)}))
    return (
        *_named("services", reach.consumers, f"uses {label}"),
        *_named("customers", reach.customers, f"depends on {label}"),
    )


def placed(found: Found, inventory: Inventory) -> Found:
    """What the provider tells, with what the inventory knows: where it lives, who uses it, who depends on it."""
    names = inventory.known(found.credential)
    reach = inventory.reach(names)
    own = (found.credential.where,) if found.credential.where else ()
    places = tuple(dict.fromkeys((*own, *(where for name in names for where in inventory.credentials[name].where))))
    credential = found.credential.model_copy(update={"where": places[0] if places else ""})
    known = {"credential": credential, "places": places, "consumers": reach.consumers, "customers": reach.customers}
    known["entries"] = names
    return found.model_copy(update=known)


def _named(kind: str, names: Sequence[str], says: str) -> Iterator[Dependent]:
    for name in names[:NAMED]:
        yield Dependent(kind=kind, name=name, says=f"{name} {says}, as the inventory says")
    if len(names) > NAMED:
        more = len(names) - NAMED
        yield Dependent(
            kind=kind, name=f"{more} more of {says}", says=f"{more} more, as the inventory says", count=more
        )
