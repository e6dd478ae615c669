"""Which target of a slice is next, so that no provider's limit keeps the others waiting."""

from activities._turns import Turns
from firedoor.incident import Target


def targets(*providers: str) -> list[Target]:
    """A target for each provider, in this order; one of no provider for an empty name."""
    return [
        Target(key=str(number), arguments={"credential": {"provider": name}} if name else {"user_name": "ada"})
        for number, name in enumerate(providers)
    ]


def begun(turns: Turns, count: int) -> list[str]:
    """The keys of the next targets, none of which ends."""
    found = (turns.begin() for _ in range(count))
    return [target.key for target in found if target is not None]


def test_targets_of_one_provider_keep_their_order() -> None:
    """Of a step of one provider, and of credentials of one."""
    for name in ("", "openai"):
        assert begun(Turns(targets(name, name, name)), 4) == ["0", "1", "2"]


def test_lanes_are_shared_between_the_providers() -> None:
    """However the targets stand: with four lanes both providers are called from the start."""
    turns = Turns(targets("openai", "openai", "openai", "datadog", "datadog", "datadog"))
    assert begun(turns, 4) == ["0", "3", "1", "4"]


def test_a_slow_provider_gets_no_more_lanes_than_its_share() -> None:
    """What ends makes room for its own provider, as long as that has targets; then for the other."""
    slow, fast = targets(*["slow"] * 5), targets(*["fast"] * 3)
    turns = Turns([*slow, *(one.model_copy(update={"key": f"fast-{one.key}"}) for one in fast)])
    assert begun(turns, 2) == ["0", "fast-0"]
    turns.end(fast[0])
    assert begun(turns, 1) == ["fast-1"]
    turns.end(fast[0])
    assert begun(turns, 1) == ["fast-2"]
    turns.end(fast[0])
    assert begun(turns, 1) == ["1"]


def test_a_new_credential_counts_as_that_of_its_model() -> None:
    """`credential.create` names the credential `like`."""
    one, other = ({"like": {"provider": name}} for name in ("openai", "datadog"))
    turns = Turns([Target(key=str(number), arguments=what) for number, what in enumerate((one, one, other))])
    assert begun(turns, 3) == ["0", "2", "1"]
