"""What `/metrics` tells Prometheus. A registry of its own, so that two servers in one process count for themselves."""

from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

#: Addresses that are counted by themselves for each door; strangers choose theirs, and there may be millions.
MOST_ADDRESSES = 50
OTHERS = "others"
#: Seconds. Senders give up after 1 s (Sentry) to 30 s.
BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0)

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The figures of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = Counter(
            "firedoor_deliveries",
            "Deliveries by door and what became of them at the door.",
            ("door", "result"),
            registry=self.registry,
        )
        self._failed = Counter(
            "firedoor_failed_authentications",
            "Deliveries that did not prove where they come from, by door and remote address.",
            ("door", "remote"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "firedoor_delivery_seconds",
            "Seconds from a delivery's headers to its answer.",
            ("door",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.confirmations = Counter(
            "firedoor_confirmations",
            "SNS subscriptions that asked to be confirmed, by door and result.",
            ("door", "result"),
            registry=self.registry,
        )
        self.stored = self._gauge(
            "firedoor_deliveries_stored", "Deliveries in the store by what became of them.", "state"
        )
        self.waiting = self._gauge("firedoor_deliveries_waiting", "Deliveries that were not dealt with yet.")
        self.messages = self._gauge(
            "firedoor_campaign_messages",
            "Messages to customers by campaign and what became of them, of campaigns that have not ended.",
            "campaign",
            "state",
        )
        self.customers = self._gauge(
            "firedoor_campaign_customers",
            "Customers of campaigns that have not ended: all, and those who have got so far.",
            "campaign",
            "who",
        )
        self.requests = self._gauge("firedoor_requests_in_flight", "Requests being answered.")
        self.connected = self._gauge("firedoor_temporal_connected", "1 once Temporal has answered since the start.")
        self._addresses: Tally[tuple[str, str]] = Tally()

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(name, says, labels, registry=self.registry)

    def failed(self, door: str, remote: str) -> int:
        """Count a failed authentication, and say which one of this address it is."""
        known = (door, remote) in self._addresses
        if not known and sum(one == door for one, _ in self._addresses) >= MOST_ADDRESSES:
            remote = OTHERS
        self._addresses[door, remote] += 1
        self._failed.labels(door, remote).inc()
        return self._addresses[door, remote]

    def text(self) -> bytes:
        """All figures in Prometheus's text format."""
        return generate_latest(self.registry)
