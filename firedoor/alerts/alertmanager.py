"""Prometheus Alertmanager: the webhook receiver, version 4 of its format.

Format: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config. One delivery is a group of alerts;
each becomes one, the resolved ones marked.

Proof: none of its own. `http_config` of the receiver sends the door's secret as a bearer token, as the password of
basic authentication, or in a header of your choice.

Key: the group's key, its status, and of each alert the fingerprint, `startsAt` and whether it is resolved. The
repetition after `repeat_interval` is the same; a group that has gained an alert is another. An alert's id is its
fingerprint and `startsAt`: the same while it fires, another when it fires again.

Answers: 5xx is tried again with growing pauses until the group's next flush, 4xx is dropped, and the group comes again
after `repeat_interval`.
"""

from firedoor.alerts import _group, _proofs
from firedoor.alerts._reading import Reader
from firedoor.alerts._source import Headers, Lock, Parsed

NAME = "alertmanager"
READER = Reader(
    "a group of alerts from Alertmanager",
    "Use a `webhook_configs` receiver without a `payload` of its own: docs/how-to/alerts.md.",
)


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """Return if a header shows a secret of the lock. Raises `UnauthenticatedError`."""
    _proofs.shared(lock, headers)


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alerts of one group. Raises `UsageError` that says what is wrong with the body."""
    return _group.parse(READER, NAME, body)
