"""Amazon SES v2 on loopback: it takes calls that fit botocore's own description of it, mails them to nobody, and tells.

    with FakeSes(verified={"acme.example"}) as ses:
        ses.bounces.add("gone@customer.example")
        …
        ses.of("ada@customer.example")

It has the sandbox, the quotas, the statuses of single entries and the events of a configuration set. Formats:
https://docs.aws.amazon.com/ses/latest/APIReference-V2/, …/dg/event-publishing-retrieving-sns-contents.html.
"""

import functools
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any, ClassVar

import botocore.session
from botocore.validate import ParamValidator

from firedoor.drill.fakes._fake import Allowance, Asked, Fake, Said

JSON = dict[str, Any]

#: Entries of a call; bytes of one with an inline template; headers of a message.
MOST_ENTRIES, MOST_BYTES, MOST_HEADERS = 50, 1_000_000, 15
#: What SES writes itself.
OWN_HEADERS = frozenset({"date", "from", "message-id", "mime-version", "subject", "to", "content-type"})

_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class SesMail:
    """A message that SES has taken."""

    id: str
    sender: str
    recipient: str
    name: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    tags: Mapping[str, str]
    configuration_set: str


class FakeSes(Fake):
    """The fake. `publish` is called with each event, where the call named a configuration set.

    `verified` are addresses and domains that may be sent from, and in the `sandbox` to. Of recipients, `statuses` says
    which status an entry gets instead of SUCCESS, once; `bounces`, `complains`, `delayed` what the events tell.
    """

    name: ClassVar[str] = "ses"

    def __init__(self, verified: Iterable[str] = (), *, rate: float = 1000.0, quota: float = 50_000.0) -> None:
        super().__init__()
        self.verified = set(verified)
        self.sandbox = False
        self.sending = True
        self.quota = quota
        self.configuration_sets = {"firedoor"}
        self.statuses: dict[str, str] = {}
        self.bounces: set[str] = set()
        self.complains: set[str] = set()
        self.delayed: set[str] = set()
        self.publish: Callable[[JSON], None] = lambda event: None
        self.mails: list[SesMail] = []
        #: Messages a second, which recipients count for.
        self.pace = Allowance(rate, max(1, int(rate)))
        self._ids = itertools.count(1)
        self.route("POST", "/v2/email/outbound-bulk-emails", self._bulk)
        self.route("GET", "/v2/email/account", self._account)
        self.route("GET", "/v2/email/identities/{identity}", self._identity)

    def of(self, address: str) -> list[SesMail]:
        """What somebody got."""
        with self.lock:
            return [mail for mail in self.mails if mail.recipient == address]

    def twice(self) -> list[str]:
        """Keys of messages that were sent more than once."""
        with self.lock:
            counts = Counter(mail.tags.get("firedoor", "") for mail in self.mails)
        return [key for key, count in counts.items() if count > 1]

    def denied(self, asked: Asked) -> Said | None:
        """Calls are signed; by whom does not matter here."""
        if "AWS4-HMAC-SHA256" in asked.headers.get("authorization", ""):
            return None
        return _error(403, "MissingAuthenticationToken", "Missing Authentication Token")

    def _account(self, asked: Asked) -> Said:
        quota = {
            "Max24HourSend": self.quota,
            "MaxSendRate": self.pace.rate,
            "SentLast24Hours": float(len(self.mails)),
        }
        return Said(
            data={
                "ProductionAccessEnabled": not self.sandbox,
                "SendingEnabled": self.sending,
                "EnforcementStatus": "HEALTHY",
                "SendQuota": quota,
            }
        )

    def _identity(self, asked: Asked) -> Said:
        identity = asked.ids["identity"]
        if identity not in self.verified:
            return _error(404, "NotFoundException", f"Email identity {identity} does not exist.")
        kind = "EMAIL_ADDRESS" if "@" in identity else "DOMAIN"
        return Said(data={"IdentityType": kind, "VerifiedForSendingStatus": True})

    def _bulk(self, asked: Asked) -> Said:
        call: JSON = asked.json()
        if wrong := _misfit(call, len(asked.body)):
            return _error(400, "BadRequestException", wrong)
        if not self.sending:
            return _error(400, "SendingPausedException", "Email sending is disabled for your account.")
        configuration = str(call.get("ConfigurationSetName", ""))
        if configuration and configuration not in self.configuration_sets:
            return _error(404, "NotFoundException", f"Configuration set <{configuration}> does not exist.")
        sender = _decoded(call["FromEmailAddress"])
        if not self._may(sender[1]):
            return _error(400, "MessageRejected", _unverified(sender[1]))
        return Said(data={"BulkEmailEntryResults": [self._entry(call, entry) for entry in call["BulkEmailEntries"]]})

    def _entry(self, call: JSON, entry: JSON) -> JSON:
        name, address = _decoded(entry["Destination"]["ToAddresses"][0])
        if status := self.statuses.pop(address, ""):
            return {"Status": status, "Error": f"{status} for {address}"}
        if self.sandbox and not self._may(address):
            return {"Status": "MESSAGE_REJECTED", "Error": _unverified(address)}
        if len(self.mails) >= self.quota:
            return {"Status": "ACCOUNT_DAILY_QUOTA_EXCEEDED", "Error": "Daily message quota exceeded."}
        if not self.pace.spend():
            return {"Status": "ACCOUNT_THROTTLED", "Error": "Maximum sending rate exceeded."}
        identity = f"0100canary{next(self._ids):08d}-000000"
        content, missing = _rendered(call, entry)
        mail = SesMail(
            identity,
            call["FromEmailAddress"],
            address,
            name,
            content.get("Subject", ""),
            content.get("Text", ""),
            content.get("Html", ""),
            {one["Name"]: one["Value"] for one in entry.get("ReplacementHeaders", ())},
            {one["Name"]: one["Value"] for one in entry.get("ReplacementTags", ())},
            str(call.get("ConfigurationSetName", "")),
        )
        if not missing:
            self.mails.append(mail)
        self._tell(mail, missing)
        return {"Status": "SUCCESS", "MessageId": identity}

    def _may(self, address: str) -> bool:
        return address in self.verified or address.rpartition("@")[2] in self.verified

    def _tell(self, mail: SesMail, missing: str) -> None:
        """Publish what becomes of a message."""
        if not mail.configuration_set:
            return
        for kind, more in self._events(mail, missing):
            self.publish({"eventType": kind, "mail": _described(mail), **more})

    def _events(self, mail: SesMail, missing: str) -> list[tuple[str, JSON]]:
        if missing:
            said = f"Attribute '{missing}' is not present in the rendering data."
            return [("Rendering Failure", {"failure": {"errorMessage": said, "templateName": ""}})]
        events: list[tuple[str, JSON]] = [("Send", {"send": {}})]
        if mail.recipient in self.delayed:
            events.append(("DeliveryDelay", {"deliveryDelay": {"delayType": "TransientCommunicationFailure"}}))
        if mail.recipient in self.bounces:
            return [*events, ("Bounce", {"bounce": bounce(mail.recipient)})]
        events.append(("Delivery", {"delivery": {"smtpResponse": "250 2.6.0 Message received"}}))
        if mail.recipient in self.complains:
            complaint = {"complainedRecipients": [{"emailAddress": mail.recipient}], "complaintFeedbackType": "abuse"}
            events.append(("Complaint", {"complaint": complaint}))
        return events


def bounce(address: str, kind: str = "Permanent", detail: str = "General") -> JSON:
    """The part of a bounce's event that says why."""
    said = f"smtp; 550 5.1.1 <{address}>: user unknown"
    told = {"emailAddress": address, "action": "failed", "status": "5.1.1", "diagnosticCode": said}
    return {"bounceType": kind, "bounceSubType": detail, "bouncedRecipients": [told]}


def _described(mail: SesMail) -> JSON:
    tags = {name: [value] for name, value in mail.tags.items()}
    return {
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "source": mail.sender,
        "messageId": mail.id,
        "destination": [mail.recipient],
        "tags": {"ses:configuration-set": [mail.configuration_set], **tags},
    }


def _misfit(call: JSON, size: int) -> str:
    """What SES does not take of a call; empty: it takes it."""
    shape = _shapes().operation_model("SendBulkEmail").input_shape
    if report := ParamValidator().validate(call, shape).generate_report():
        return str(report)
    entries = call["BulkEmailEntries"]
    if size > MOST_BYTES:
        return f"The call has {size} bytes."
    if not 0 < len(entries) <= MOST_ENTRIES:
        return f"The call has {len(entries)} entries."
    if not call["DefaultContent"].get("Template", {}).get("TemplateContent"):
        return "There is no template."
    return next(filter(None, map(_misfit_entry, entries)), "")


def _misfit_entry(entry: JSON) -> str:
    headers, tags = entry.get("ReplacementHeaders", []), entry.get("ReplacementTags", [])
    to = entry["Destination"].get("ToAddresses", [])
    header = _shapes().shape_for("MessageHeaderName"), _shapes().shape_for("MessageHeaderValue")
    patterns = [re.compile(shape.metadata["pattern"].strip("^$")) for shape in header]
    if len(to) != 1 or not all(map(_is_plain, to)):
        return "Local address contains control or whitespace, or is not ASCII."
    if len(headers) > MOST_HEADERS or any(one["Name"].lower() in OWN_HEADERS for one in headers):
        return "A header is not allowed."
    if not all(patterns[0].fullmatch(one["Name"]) and patterns[1].fullmatch(one["Value"]) for one in headers):
        return "A header is malformed."
    if not all(_TAG.fullmatch(one["Name"]) and _TAG.fullmatch(one["Value"]) for one in tags):
        return "A message tag has characters that are not allowed."
    return ""


def _is_plain(address: str) -> bool:
    return address.isascii() and address.isprintable() and "@" in parseaddr(address)[1]


def _rendered(call: JSON, entry: JSON) -> tuple[dict[str, str], str]:
    """The content of an entry, and the name of a value that is missing."""
    template = call["DefaultContent"]["Template"]
    replaced = entry.get("ReplacementEmailContent", {}).get("ReplacementTemplate", {})
    data = json.loads(template.get("TemplateData") or "{}")
    data |= json.loads(replaced.get("ReplacementTemplateData") or "{}")
    content: dict[str, str] = template["TemplateContent"]
    wanted = [name for text in content.values() for name in _PLACEHOLDER.findall(text)]
    missing = next((name for name in wanted if name not in data), "")
    filled = {kind: _PLACEHOLDER.sub(lambda found: str(data.get(found[1], "")), text) for kind, text in content.items()}
    return filled, missing


@functools.cache
def _shapes() -> Any:
    """botocore's description of SES: read when it is first needed."""
    return botocore.session.get_session().get_service_model("sesv2")


def _decoded(text: str) -> tuple[str, str]:
    """Name and address."""
    name, address = parseaddr(text)
    return str(make_header(decode_header(name))), address


def _unverified(address: str) -> str:
    return f"Email address is not verified. The following identities failed the check in region US-EAST-1: {address}"


def _error(status: int, code: str, message: str) -> Said:
    return Said(status, {"message": message}, {"x-amzn-errortype": code})
