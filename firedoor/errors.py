"""What can go wrong, for a person and for a machine.

Every error that reaches a person says what happened, what was changed, and what to do next. `reason` is the word that
machines use: the exit code, the type of a Temporal failure, the label of a metric.
"""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line. Documented in `docs/reference/exit-codes.md`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_CONTAINED = 3
    UNREACHABLE = 4
    REFUSED = 5
    NEEDS_ATTENTION = 6
    INTERRUPTED = 130


class FiredoorError(Exception):
    """An error with a sentence for a person and a reason for a machine.

    `what` says what happened, `changed` what was and was not changed (empty where nothing could have been), `next` what
    to do now.
    """

    reason: str = "failed"
    exit: Exit = Exit.FAILED

    def __init__(self, what: str, *, changed: str = "", next: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.changed = changed
        self.next = next

    def __str__(self) -> str:
        return "\n".join(part for part in (self.what, self.changed, self.next) if part)


class UsageError(FiredoorError):
    """The caller asked for something that does not exist or does not fit."""

    reason = "usage"
    exit = Exit.USAGE


class UnreachableError(FiredoorError):
    """Temporal does not answer."""

    reason = "temporal_unreachable"
    exit = Exit.UNREACHABLE


class RefusedError(FiredoorError):
    """A rule forbids it: a stranger approves, an update does not fit the state."""

    reason = "refused"
    exit = Exit.REFUSED


class StepError(FiredoorError):
    """A step failed. Raised by step functions; becomes the outcome in the timeline and a Temporal failure.

    `reason` is one of the words below and travels as the failure's type; `retryable` says whether Temporal should try
    again. The message must hold no secret.
    """

    #: reason → may a retry cure it?
    REASONS = {
        "throttled": True,
        "unreachable": True,
        "provider_error": True,
        "not_stable": True,
        "busy": True,
        "not_found": False,
        "wrong_account": False,
        "permission_missing": False,
        "credentials_expired": False,
        "credentials_missing": False,
        "refused_self": False,
        "limit_reached": False,
        "conflict": False,
        "invalid_arguments": False,
        "not_in_plan_mode": False,
        "approval_void": False,
        "changed_since": False,
        "record_failed": True,
        #: The provider accepted it, and needs more time until it holds.
        "not_yet": True,
        #: The provider has no API for it: the sentence says what a person does, and where.
        "needs_person": False,
        #: A sink does not hold the new value although the credential was made.
        "sink_refused": False,
    }

    def __init__(self, reason: str, what: str, *, changed: str = "Nothing was changed.", next: str = "") -> None:
        super().__init__(what, changed=changed, next=next)
        self.reason = reason
        self.retryable = self.REASONS[reason]
