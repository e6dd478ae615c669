"""How many pages one client may ask for: pages are open to everybody, and each costs a look at the store."""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

#: Pages a second in the long run, and at once after a rest. A whole company may stand behind one address.
RATE, BURST = 2.0, 60.0
#: Clients that are remembered. Whoever has more addresses than that is not stopped by counting them.
MOST = 10_000
#: Of an IPv6 address this much is one customer's, who may choose the rest.
NETWORK = 64


class Pace:
    """Counts by address; forgets whoever has not asked for longest."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, remote: str) -> bool:
        """May this client have one more page now? Who is on this machine may: a proxy here stands for everybody."""
        client, now = _client(remote), self._clock()
        if not client:
            return True
        left, seen = self._left.pop(client, (BURST, now))
        left = min(BURST, left + (now - seen) * RATE)
        allowed = left >= 1
        self._left[client] = (left - allowed, now)
        if len(self._left) > MOST:
            self._left.popitem(last=False)
        return allowed


def _client(remote: str) -> str:
    """An address, or the network of one; empty for this machine."""
    try:
        address = ipaddress.ip_address(remote)
    except ValueError:
        return remote
    if address.is_loopback:
        return ""
    return remote if address.version == 4 else str(ipaddress.ip_network((address, NETWORK), strict=False))
