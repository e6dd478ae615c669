"""Whom an exposure concerns, and how sure that is."""

import pytest

from firedoor.customers.exposure import Reach, affected
from firedoor.customers.model import Dependency
from firedoor.inventory import Inventory
from firedoor.inventory.reading import parse
from firedoor.steps._step import Credential

REGISTRY = [
    ("acme", (Dependency(provider="openai", id="key_1", store="braintrust:ai_secret/ACME"),)),
    ("globex", (Dependency(provider="anthropic", store="aws-sm:customers/globex"),)),
    ("hooli", (Dependency(provider="openai", fingerprint="sha256:0123456789abcdef"),)),
    ("initech", (Dependency(provider="openai", store="aws-sm:shared?field=initech"), Dependency(provider="x", id="y"))),
]
INVENTORY = """
credentials:
  gateway: {provider: openai, id: key_gateway, where: ['aws-sm:gateway'], consumers: [gateway], customers: [own]}
  vault: {provider: unknown, where: ['vault:kv/acme', 'braintrust:ai_secret/ACME']}
consumers: {gateway: {customers: [acme, umbrella]}}
customers: {acme: {}, own: {}, umbrella: {}}
"""


def find(reach: Reach, inventory: str = "") -> dict[str, str]:
    """The exposure of each customer."""
    known = parse(inventory, "inventory.yaml") if inventory else Inventory()
    return {one.customer: one.exposure for one in affected(reach, REGISTRY, known).affected}


def credential(provider: str = "openai", **facts: str) -> Credential:
    """A credential that a step found."""
    return Credential.model_validate({"provider": provider, **facts})


@pytest.mark.parametrize(
    ("reach", "wanted"),
    [
        (Reach(credentials=[credential(id="key_1")]), {"acme": "likely"}),
        (Reach(credentials=[credential("anthropic", id="key_1")]), {}),
        (Reach(credentials=[credential(fingerprint="sha256:0123456789abcdef")]), {"hooli": "likely"}),
        (Reach(confirmed=[credential(id="key_1")], places=["braintrust:"]), {"acme": "confirmed"}),
        (Reach(places=["braintrust:"]), {"acme": "possible"}),
        (Reach(places=["braintrust:ai_secret/ACME"]), {"acme": "likely"}),
        (Reach(places=["braintrust:ai_secret/AC"]), {}),
        (Reach(places=["aws-sm:"], confirmed_places=["aws-sm:shared"]), {"globex": "possible", "initech": "confirmed"}),
        (Reach(confirmed_places=["aws-sm:customers/"]), {"globex": "confirmed"}),
        (Reach(places=["aws-sm:shared?field=other"]), {}),
        (Reach(places=["aws-sm:shared?field=initech"]), {"initech": "likely"}),
        (Reach(places=["aws-sm:", "braintrust:"], provider="anthropic"), {"globex": "possible"}),
        (Reach(), {}),
    ],
)
def test_what_the_registry_knows(reach: Reach, wanted: dict[str, str]) -> None:
    """By id, fingerprint or place; the surest of its credentials is the customer's."""
    assert find(reach) == wanted


def test_a_secret_of_aws_is_a_place() -> None:
    """As steps list it, by its ARN: whatever is in a field of it was exposed with it."""
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared-AbCdEf"
    assert find(Reach(credentials=[credential("aws-secretsmanager", id=arn, where=f"aws-sm:{arn}")])) == {
        "initech": "likely"
    }


def test_the_inventory_knows_more() -> None:
    """Its customers, those of a service only as possible; and a place of a credential that the registry has elsewhere."""
    assert find(Reach(confirmed_places=["aws-sm:gateway"]), INVENTORY) == {
        "acme": "possible",
        "own": "confirmed",
        "umbrella": "possible",
    }
    assert find(Reach(places=["vault:kv/acme"]), INVENTORY) == {"acme": "likely"}
    found = affected(Reach(places=["aws-sm:gateway"]), REGISTRY, parse(INVENTORY, "x"))
    own = next(one for one in found.affected if one.customer == "own")
    assert own.credentials == (Dependency(provider="openai", id="key_gateway", store="aws-sm:gateway"),)


def test_what_nobody_knows() -> None:
    """A credential or place of which no customer is known is named, once; a whole place in which nobody has anything, too."""
    reach = Reach(
        credentials=[credential(id="key_1"), credential(id="key_9", name="laptop")],
        places=["aws-sm:nothing", "aws-sm:gateway", "gcp-sm:", "vault:kv/acme", "aws-sm:"],
        confirmed_places=["aws-sm:nothing"],
    )
    assert affected(reach, REGISTRY, parse(INVENTORY, "x")).unknown == ["aws-sm:nothing", "gcp-sm:", "laptop key_9"]
