"""Splunk: the alert action "Webhook".

Format: https://help.splunk.com/en/splunk-enterprise/alert-and-respond/alerting-manual (and, older,
https://docs.splunk.com/Documentation/Splunk/9.0.4/Alert/Webhooks). The search's name, its id, a link, and the first
row of the results, whose fields are what the search has made of them.

Proof: Splunk's own action sends neither a signature nor a header of yours, and takes no password in the URL. What is
left is an address that only it knows: `/hooks/NAME/SECRET`, which firedoor compares in constant time and writes into
no log. No other source may be locked so: addresses stand in the settings of Splunk, which its administrators read, and
in the logs of proxies. Where a proxy of yours, or another alert action, can set a header, that comes first and the
address has no secret.

Key: `sid`, the id of the search job, and the row: an alert that triggers "for each result" sends several rows of one
job.

Answers: the action runs once; nothing is sent again, whatever the answer is.
"""

from firedoor.alerts import _proofs
from firedoor.alerts._group import digest
from firedoor.alerts._reading import Reader, part, texts, word
from firedoor.alerts._severity import rank, severity
from firedoor.alerts._source import Headers, Lock, Parsed, UnauthenticatedError
from firedoor.alerts._subject import moment, subject

NAME = "splunk"
#: What the server hands in of the address after `/hooks/NAME/`.
PATH = "x-firedoor-path"
#: Fields of the row that say how bad it is: one's own, that of Splunk's alerts, that of Enterprise Security.
SEVERITIES = ("severity", "urgency", "level")
READER = Reader("a delivery of Splunk's webhook action", "Use the alert action `Webhook` of a saved search.")


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """Return if the address, or a header, shows a secret of the lock. Raises `UnauthenticatedError`."""
    shown = headers.get(PATH, "").strip("/")
    if not shown:
        _proofs.shared(lock, headers)
        return
    found = [_proofs.same(shown, secret.get_secret_value()) for secret in _proofs.required(lock)]
    if not any(found):
        raise UnauthenticatedError("its address shows no secret of this door")


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alert of one row. Raises `UsageError` that says what is wrong with the body."""
    delivery = READER.object(body)
    sid, row = READER.needed(delivery, "sid"), part(delivery, "result")
    name = word(delivery, "search_name")
    # Fields that begin with `_` are Splunk's. `_raw` is a line of a log, which may hold anything: it stays in `raw`.
    labels = {field: value for field, value in texts(row).items() if value and not field.startswith("_")}
    key = f"{sid}/{digest(row)}"
    alert = READER.alert(
        source=NAME,
        id=key,
        type=name,
        title=labels.get("title") or name or f"Splunk search {sid}",
        description=labels.get("description", ""),
        severity=severity(*(labels.get(field) for field in SEVERITIES), rank(labels.get("priority"))),
        first_seen=moment(row.get("_time")),
        url=word(delivery, "results_link"),
        labels=labels,
        raw=delivery,
        **subject(labels),
    )
    return Parsed(key=key, alerts=(alert,))
