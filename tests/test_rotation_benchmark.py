"""The pieces of the benchmark `rotate_1000`, with few keys: both sides rotate them, and what is counted is true."""

import httpx
import pytest

from benchmarks.fakes import KINDS
from benchmarks.rotation import KEYS, by_firedoor, by_script, lower_bound
from firedoor.config import Limit, default_limits
from firedoor.drill.fakes._fake import Allowance
from firedoor.drill.fakes.openai import FakeOpenAI

#: Calls that the rotation of a key needs.
NEEDED = {
    "openai": 5,
    "twilio": 5,
    "braintrust": 5,
    "openrouter": 6,
    "datadog": 6,
    "cloudflare": 7,
    "sendgrid": 6,
}
FEW = dict.fromkeys(KEYS, 2)


async def test_firedoor_sends_no_more_calls_than_the_script() -> None:
    """Each place holds a new key, each old one is dead; and no provider was called once more than it had to be."""
    script, ours = await by_script(FEW), await by_firedoor(FEW, {})
    needed = {name: 2 * calls for name, calls in NEEDED.items()}
    # The script asks once which token is its own, firedoor did when it warmed up.
    assert script.seen.calls == needed | {"cloudflare": 2 * NEEDED["cloudflare"] + 1}
    assert ours.seen.calls == needed


def test_a_thousand_keys_that_keep_every_provider_busy() -> None:
    """All but SendGrid, which is full, need the same time by their limits, to 2 %."""
    assert sum(KEYS.values()) == 1000
    assert KEYS.keys() == KINDS.keys()
    limits = default_limits()
    each = {name: lower_bound({name: KEYS[name] * NEEDED[name]}, limits) for name in KEYS}
    assert each.pop("sendgrid") < min(each.values())
    assert max(each.values()) <= 1.02 * min(each.values())


def test_the_slowest_provider_is_the_lower_bound() -> None:
    """What its burst allows at once costs no time."""
    limits = {"fast": Limit(rate=10, burst=10), "slow": Limit(rate=2, burst=5)}
    assert lower_bound({"fast": 100, "slow": 25}, limits) == 10
    assert lower_bound({"fast": 210, "slow": 25}, limits) == 20


@pytest.mark.parametrize("burst", [1, 3])
def test_a_fake_refuses_whoever_does_not_keep_its_limit(burst: int) -> None:
    """Its burst is answered, and the call after that is not."""
    with FakeOpenAI() as fake, httpx.Client(trust_env=False) as client:
        fake.allowance = Allowance(rate=0.001, burst=burst)
        headers = {"Authorization": f"Bearer {fake.plant('gateway').value}"}
        statuses = [client.get(f"{fake.url}/v1/models", headers=headers).status_code for _ in range(burst + 1)]
    assert statuses == [200] * burst + [429]


def test_what_is_not_called_for_a_while_may_be_called_again() -> None:
    """One call more for each interval, and never more than the burst."""
    now = [100.0]
    allowance = Allowance(rate=2, burst=2, clock=lambda: now[0])
    assert [allowance.spend() for _ in range(3)] == [True, True, False]
    now[0] += 0.5
    assert [allowance.spend() for _ in range(2)] == [True, False]
    now[0] += 60
    assert [allowance.spend() for _ in range(3)] == [True, True, False]
