"""`customers.affected_by`: whom to tell, as a step."""

from activities._action import Context, performs
from firedoor.customers.exposure import Reach, affected, counts
from firedoor.customers.registry import Registry
from firedoor.customers.store import RegistryError
from firedoor.errors import StepError
from firedoor.incident import Evidence, Outcome
from firedoor.inventory import Inventory
from firedoor.steps.customers import AffectedBy, AffectedCustomers
from firedoor.words import plural

#: Names that travel with the result. The rest stays in the store.
SHOWN = 50


@performs(AffectedBy)
def affected_by(step: AffectedBy, context: Context) -> Outcome:
    """Read registry and inventory, join, keep the list."""
    inventory = context.clients.inventory()
    with context.clients.customers() as registry:
        try:
            return _affected_by(step, registry, inventory)
        except RegistryError as error:
            raise StepError("record_failed", error.what, changed=error.changed, next=error.next) from None


def _affected_by(step: AffectedBy, registry: Registry, inventory: Inventory) -> Outcome:
    version, dependencies = registry.dependencies()
    if not version.number and not inventory.customers:
        raise StepError(
            "not_found",
            "Nobody has said who our customers are: the registry is empty, and the inventory names none.",
            next="Import them where the worker runs, `firedoor customers import FILE`, and retry the step.",
        )
    reach = Reach(**step.asked(), provider=step.provider)
    found = affected(reach, dependencies, inventory)
    names = [one.customer for one in found.affected]
    strangers = registry.strangers(names)
    by = counts(found.affected)
    result = AffectedCustomers(
        customers=registry.keep_audience(found.affected, len(found.unknown)),
        count=len(names),
        **{exposure.value: count for exposure, count in by.items()},
        names=tuple(names[:SHOWN]),
        unregistered=tuple(strangers[:SHOWN]),
        unregistered_count=len(strangers),
        unknown=tuple(found.unknown[:SHOWN]),
        unknown_count=len(found.unknown),
    )
    says = f"version {version.number} of {version.at or 'no import'}, sha256 {version.digest[:16] or 'none'}"
    return Outcome(
        summary=_summary(result),
        result=result.model_dump(mode="json"),
        evidence=(
            Evidence(source="customers", says=f"{plural(version.customers, 'customers')}: {says}"),
            Evidence(source="inventory", says=plural(len(inventory.credentials), "credentials")),
            Evidence(source="customers", says=f"the list is kept under sha256 {result.customers.list}"),
        ),
    )


def _summary(result: AffectedCustomers) -> str:
    sure = f"{result.confirmed:,} confirmed, {result.likely:,} likely, {result.possible:,} possible"
    parts = [f"{plural(result.count, 'customers')} affected: {sure}." if result.count else "No customer is affected."]
    if result.unregistered_count:
        parts.append(
            f"{result.unregistered_count:,} of them are not in the registry, so that nobody there can be told."
        )
    if result.unknown_count:
        parts.append(f"Of {result.unknown_count:,} that could be read no customer is known: a person has to look.")
    return " ".join(parts)
