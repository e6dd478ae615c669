"""The kinds of sinks, by scheme. Adding one: one line here, one in `activities/sinks`."""

from firedoor.sinks import aws_sm, aws_ssm, braintrust, doppler, gcp_sm, github, k8s, vault
from firedoor.sinks._store import Place, Store, parse_place

__all__ = ["STORES", "Place", "Store", "place"]

_STORES: tuple[Store, ...] = (
    aws_sm.STORE,
    aws_ssm.STORE,
    braintrust.STORE,
    doppler.STORE,
    gcp_sm.STORE,
    github.STORE,
    k8s.STORE,
    vault.STORE,
)

STORES: dict[str, Store] = {store.scheme: store for store in _STORES}


def place(text: str) -> Place:
    """The place that a reference names. Raises `StepError` (`invalid_arguments`)."""
    # The name under which 0.1 and 0.2 recorded where values are.
    return parse_place(text.replace("aws-secretsmanager:", "aws-sm:", 1), STORES)
