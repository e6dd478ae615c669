"""What Amazon SES's refusals mean: the status of an entry, the code of an error, a connection that ended. Pure.

Codes and statuses: docs.aws.amazon.com/ses/latest/APIReference-V2/ API_SendBulkEmail, API_BulkEmailEntryResult.
"""

import re

from botocore import exceptions as boto

from activities.transports._replies import shown
from activities.transports._transport import BrokenError, DoubtError, LaterError, RejectedError, TransportError

#: Seconds until it is tried again: throttled; SES in trouble; not to be reached; the quota of 24 hours used up.
THROTTLED, BUSY, AWAY, USED_UP = 2.0, 60.0, 30.0, 3600.0

#: Of an entry, or of a call: a person has to see to the account.
_ACCOUNT = {
    "ACCOUNT_SENDING_PAUSED": "sending is paused for the account",
    "ACCOUNT_SUSPENDED": "the account was shut for sending",
    "AccessDenied": "firedoor lacks the permission ses:SendBulkEmail",
    "AccessDeniedException": "firedoor lacks the permission ses:SendBulkEmail",
    "AccountSuspendedException": "the account was shut for sending",
    "CONFIGURATION_SET_NOT_FOUND": "there is no such configuration set",
    "CONFIGURATION_SET_SENDING_PAUSED": "sending is paused for the configuration set",
    "ExpiredToken": "the credentials have expired",
    "ExpiredTokenException": "the credentials have expired",
    "INVALID_SENDING_POOL_NAME": "the configuration set names a pool of addresses that is not there",
    "InvalidClientTokenId": "it does not know the credentials",
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": "the domain that mail is sent from is not verified",
    "MailFromDomainNotVerifiedException": "the domain that mail is sent from is not verified",
    "NotFoundException": "there is no such configuration set",
    "SendingPausedException": "sending is paused for the account",
    "SignatureDoesNotMatch": "it does not take the credentials",
    "TEMPLATE_NOT_FOUND": "it found no template",
    "UnrecognizedClientException": "it does not know the credentials",
}
_THROTTLING = frozenset({
    "ACCOUNT_THROTTLED", "LimitExceededException", "Throttling", "ThrottlingException", "TooManyRequestsException",
})  # fmt: skip
_UNVERIFIED = re.compile(r"not verified", re.IGNORECASE)
_TOO_MANY, _UNAVAILABLE, _TROUBLE = 429, 503, 500
LOOK = "`firedoor doctor` says how the account stands. docs/how-to/mail.md has what SES needs."

#: Nothing has left us yet.
UNSENT = (
    boto.EndpointConnectionError,
    boto.ConnectTimeoutError,
    boto.ProxyConnectionError,
    boto.SSLError,
)
#: There is nothing to sign a call with.
UNSIGNED = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.SSOError,
    boto.ProfileNotFound,
)


class MisfitError(RejectedError):
    """SES takes nothing of a call, because of something in it: with several entries, of one of them."""


def of_entry(status: str, said: str, address: str, sender: str) -> TransportError:
    """What the status of one entry means, where it is not SUCCESS. `address` is not repeated."""
    text = f"SES answered {status}" + (f": {shown(said, address)}" if said else "")
    if status in _ACCOUNT:
        return BrokenError(f"SES sends nothing: {_ACCOUNT[status]}.", next=LOOK)
    if status in _THROTTLING:
        return LaterError(text, seconds=THROTTLED)
    if status == "ACCOUNT_DAILY_QUOTA_EXCEEDED":
        return LaterError("SES sends no more: the quota of 24 hours is used up.", seconds=USED_UP, next=LOOK)
    if status == "TRANSIENT_FAILURE":
        return LaterError(text, seconds=BUSY)
    if _UNVERIFIED.search(said):
        return _unverified(said, sender) or RejectedError(
            text, next=f"In the sandbox only verified addresses do. {LOOK}"
        )
    return RejectedError(text)


def of_call(error: Exception, sender: str) -> TransportError:
    """What an error of a whole call means, for each of its entries."""
    if isinstance(error, boto.ClientError):
        return _refused(error, sender)
    if isinstance(error, UNSIGNED):
        return BrokenError(
            f"firedoor has no AWS credentials to send with ({type(error).__name__}).",
            next="Give the worker some, as for everything else at AWS: docs/how-to/real-account.md.",
        )
    if isinstance(error, boto.ParamValidationError):
        return MisfitError("SES's own description does not allow the call.")
    if isinstance(error, UNSENT):
        return BrokenError(f"SES cannot be reached ({type(error).__name__}).", seconds=AWAY)
    return doubt(f"did not answer ({type(error).__name__})")


def _refused(error: boto.ClientError, sender: str) -> TransportError:
    about = error.response.get("Error", {})
    code, said = str(about.get("Code", "")), str(about.get("Message", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _THROTTLING or status == _TOO_MANY:  # What stands before SES throttles in its own words.
        return LaterError(f"SES is throttling: {shown(code)}.", seconds=THROTTLED)
    if code in _ACCOUNT:
        return BrokenError(f"SES sends nothing: {_ACCOUNT[code]}.", next=LOOK)
    if status == _UNAVAILABLE:
        return LaterError(f"SES is not available: {code}.", seconds=BUSY)
    if status >= _TROUBLE:
        return doubt(f"answered {status} {shown(code)}")
    if code == "MessageRejected" and (broken := _unverified(said, sender)):
        return broken
    return MisfitError(f"SES answered {status} {shown(code)}.")


def _unverified(said: str, sender: str) -> BrokenError | None:
    """Is it the sender that is not verified? Then nobody is written to."""
    if not _UNVERIFIED.search(said) or sender.lower() not in said.lower():
        return None
    return BrokenError(f"SES does not let us send as {sender}: the address or its domain is not verified.", next=LOOK)


def doubt(what: str) -> DoubtError:
    """SES had the call, and what became of it is not known. Events may tell later."""
    return DoubtError(
        f"SES {what} after it had the messages.",
        changed="They may have been sent: firedoor does not send them again by itself.",
        next="If its events come in by SNS, they tell. `firedoor campaign retry-failed --in-doubt` sends them again.",
    )
