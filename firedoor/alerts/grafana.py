"""Grafana Alerting: the contact point "Webhook".

Format:
https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
It is Alertmanager's group of alerts with a few fields more; each becomes an alert, the resolved ones marked. What the
button "Test" sends is a sample.

Proof: HMAC-SHA256 in the header `X-Grafana-Alerting-Signature`, hex, of the body, or of timestamp, colon and body
where the contact point names a timestamp header, which must be `X-Grafana-Alerting-Timestamp` and is then at most 5
minutes off. A contact point without HMAC shows the secret as bearer token, password or header instead. Who has set the
timestamp header at the source cannot be fooled by leaving it out: the signature is another one.

Key: as for Alertmanager: the group's key, its status, and each alert's fingerprint, `startsAt` and whether it is
resolved.

Answers: the notifier is Alertmanager's: what failed is tried again until the next flush, and the group comes again
after the repeat interval.
"""

from firedoor.alerts import _group, _proofs
from firedoor.alerts._reading import Reader
from firedoor.alerts._source import Headers, Lock, Parsed

NAME = "grafana"
SIGNATURE = "x-grafana-alerting-signature"
TIMESTAMP = "x-grafana-alerting-timestamp"
READER = Reader(
    "a group of alerts from Grafana",
    "Use a contact point `Webhook` of Grafana Alerting (not of the alerting before version 9), no custom payload.",
)


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """Return if the body is signed with a secret of the lock, or a header shows one. Raises `UnauthenticatedError`."""
    signature, timestamp = headers.get(SIGNATURE, ""), headers.get(TIMESTAMP, "")
    if not signature:
        _proofs.shared(lock, headers)
    elif timestamp:
        _proofs.fresh(lock, timestamp)
        _proofs.signed(lock, (signature,), timestamp.encode(), b":", body)
    else:
        _proofs.signed(lock, (signature,), body)


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alerts of one group. Raises `UsageError` that says what is wrong with the body."""
    return _group.parse(READER, NAME, body)
