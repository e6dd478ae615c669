"""`inventory.find`: what the inventory knows, as a step."""

from collections.abc import Iterator

from activities._action import Context, performs
from firedoor.incident import Evidence, Outcome
from firedoor.inventory import Inventory
from firedoor.inventory.model import UNKNOWN, held_at, unknown_places
from firedoor.steps.inventory import Entry, FindCredentials, Held
from firedoor.words import plural


@performs(FindCredentials)
def find(step: FindCredentials, context: Context) -> Outcome:
    """Read the file, and pick."""
    inventory = context.clients.inventory()
    found = tuple(_found(step, inventory))
    result = Held(
        found=found,
        credentials=tuple(one.credential for one in found),
        consumers=tuple(sorted({name for one in found for name in one.consumers})),
        customers=tuple(sorted({name for one in found for name in one.customers})),
        unplaced=tuple(one.name for one in found if not one.places),
        unrecognised=tuple(one.name for one in found if one.credential.provider == UNKNOWN),
        unknown=unknown_places(inventory, step.places),
    )
    says = f"{len(found)} of {plural(len(inventory.credentials), 'credentials')} in the inventory"
    users, customers = plural(len(result.consumers), "consumers"), plural(len(result.customers), "customers")
    return Outcome(
        summary=f"Found {says}; used by {users}, needed by {customers}.",
        result=result.model_dump(mode="json"),
        evidence=(Evidence(source="inventory", says=says),),
    )


def _found(step: FindCredentials, inventory: Inventory) -> Iterator[Entry]:
    held, stored = held_at(step.places), held_at([f"{step.holder}:"])
    for name, entry in sorted(inventory.credentials.items()):
        reach = inventory.reach([name])
        fits = (
            name not in step.except_names
            and step.consumer in {"", *entry.consumers}
            and (not step.holder or step.holder in entry.consumers or stored(entry))
            and step.provider in {"", entry.provider}
            and step.customer in {"", *reach.customers}
            and (not step.places or held(entry))
        )
        if fits:
            yield Entry(
                name=name,
                credential=entry.credential(),
                places=tuple(entry.where),
                consumers=reach.consumers,
                customers=reach.customers,
            )
