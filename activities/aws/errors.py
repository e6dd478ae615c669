"""What AWS refuses, as `StepError`: the one place that reads botocore's errors.

Only AWS's own code and, where it cannot hold a secret, its sentence are kept; never arguments or chained exceptions.
"""

import re
from collections.abc import Generator
from contextlib import contextmanager

from botocore import exceptions as boto

from firedoor.errors import StepError

#: AWS's error code → our reason. What is not here is `provider_error`.
REASON_OF_CODE = {
    **dict.fromkeys(
        (
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "RequestLimitExceeded",
            "TooManyRequestsException",
            "SlowDown",
        ),
        "throttled",
    ),
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "RequestExpired"), "credentials_expired"),
    **dict.fromkeys(
        (
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "IncompleteSignature",
            "AuthFailure",
            "MissingAuthenticationToken",
        ),
        "credentials_expired",
    ),
    **dict.fromkeys(("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"), "permission_missing"),
    **dict.fromkeys(
        (
            "NoSuchEntity",
            "NoSuchEntityException",
            "ResourceNotFoundException",
            "AccountNotFoundException",
            "TargetNotFoundException",
            "PolicyNotFoundException",
            "PolicyNotAttachedException",
            "ParameterNotFound",
            "ParameterVersionNotFound",
            "NoSuchBucket",
            "NoSuchKey",
            "ObjectLockConfigurationNotFoundError",
        ),
        "not_found",
    ),
    **dict.fromkeys(("LimitExceeded", "LimitExceededException", "ConstraintViolationException"), "limit_reached"),
    **dict.fromkeys(
        (
            "EntityTemporarilyUnmodifiable",
            "ConcurrentModification",
            "ConcurrentModificationException",
            "PolicyChangesInProgressException",
        ),
        "busy",
    ),
    **dict.fromkeys(
        (
            "UnmodifiableEntity",
            "ResourceExistsException",
            "EntityAlreadyExists",
            "DuplicatePolicyException",
            "DuplicatePolicyAttachmentException",
            "PolicyInUseException",
            "PolicyTypeNotEnabledException",
            "AWSOrganizationsNotInUseException",
        ),
        "conflict",
    ),
    **dict.fromkeys(
        (
            "ValidationError",
            "ValidationException",
            "InvalidInput",
            "InvalidParameterException",
            "InvalidParameterValue",
            "InvalidRequestException",
            "MalformedPolicyDocument",
            "MalformedPolicyDocumentException",
            "InvalidInputException",
        ),
        "invalid_arguments",
    ),
}

#: What each reason means, for a person; `{call}` is `iam:UpdateAccessKey`, `{who}` and `{says}` come from AWS.
SENTENCES = {
    "throttled": ("AWS is throttling {call}.", "firedoor tries again by itself, more slowly."),
    "credentials_expired": (
        "AWS does not accept the credentials that firedoor uses for {call}: {code}.",
        "Renew them, restart the worker if it takes them from its environment, and retry the step.",
    ),
    "permission_missing": (
        "{who} lacks the permission {permission}.",
        "Grant {permission} and retry the step. `firedoor steps --policy RUNBOOK` prints all that a runbook needs.",
    ),
    "not_found": ("{call}: {says}", "Check the name and the account."),
    "limit_reached": ("{call}: a limit of AWS is reached: {says}", "Make room, then retry the step."),
    "busy": ("{call}: AWS says that the object is being changed right now.", "firedoor tries again by itself."),
    "conflict": ("{call}: AWS refuses: {says}", "Look at the object in AWS before you retry the step."),
    "invalid_arguments": ("{call}: AWS does not accept the arguments: {says}", "Correct them and run it again."),
    "provider_error": (
        "{call}: AWS answered {status} {code}: {says}",
        "Retry the step; AWS's status page may know more.",
    ),
}

#: Calls whose arguments hold a secret: AWS's sentence might quote it.
SECRET_CALLS = frozenset({"secretsmanager:PutSecretValue", "secretsmanager:CreateSecret", "ssm:PutParameter"})

NEVER_SENT = (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError, boto.SSLError)
NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.ProfileNotFound,
    boto.ConfigNotFound,
)
EXPIRED_LOGIN = (boto.TokenRetrievalError, boto.UnauthorizedSSOTokenError, boto.SSOTokenLoadError)

#: A credential report is written for whoever reads it.
READS = ("Get", "List", "Describe", "Lookup", "Simulate", "AssumeRole", "GenerateCredentialReport")
NOTHING = "Nothing was changed."
IN_DOUBT = "It is not known whether AWS carried out {call}; firedoor reads the state before it tries again."
GIVE_CREDENTIALS = (
    "Give the worker credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID, or a role of its machine) and restart it."
)
WITHHELD = "(its words are withheld: they may quote the value)"


class AwsError(StepError):
    """A call to AWS failed: `call` is `service:Operation`; the rest are AWS's words, empty without an answer."""

    request_id = ""
    #: What AWS said in a Retry-After header.
    retry_after = ""

    def __init__(self, reason: str, what: str, *, call: str, code: str = "", next: str = "") -> None:
        super().__init__(reason, what, changed=NOTHING, next=next)
        self.call = call
        self.code = code


def from_botocore(error: boto.BotoCoreError | boto.ClientError, call: str, endpoint: str) -> AwsError:
    """The `AwsError` for what botocore raised in `call` (`iam:UpdateAccessKey`) at `endpoint`."""
    if isinstance(error, boto.ClientError):
        return _refused(error, call)
    if isinstance(error, NO_CREDENTIALS):
        return AwsError(
            "credentials_missing",
            f"firedoor has no AWS credentials for {call} ({type(error).__name__}).",
            call=call,
            next=GIVE_CREDENTIALS,
        )
    if isinstance(error, EXPIRED_LOGIN):
        what, next_ = SENTENCES["credentials_expired"]
        code = type(error).__name__
        return AwsError("credentials_expired", what.format(call=call, code=code), call=call, code=code, next=next_)
    if isinstance(error, boto.HTTPClientError | boto.ConnectionError | boto.ResponseStreamingError):
        silent = AwsError(
            "unreachable",
            f"AWS does not answer {call} at {endpoint} ({type(error).__name__}).",
            call=call,
            next="Check the network and `aws.region` and `aws.endpoint_url` in firedoor.toml; firedoor tries again.",
        )
        if not isinstance(error, NEVER_SENT) and not is_read(call):
            silent.changed = IN_DOUBT.format(call=call)
        return silent
    failed = AwsError("provider_error", f"{call} could not be sent ({type(error).__name__}).", call=call)
    failed.retryable = False
    return failed


def unreadable(call: str) -> AwsError:
    """AWS answered `call`, and the answer was truncated or garbled on its way."""
    garbled = AwsError(
        "unreachable", f"The answer of AWS to {call} cannot be read.", call=call, next="firedoor tries again by itself."
    )
    if not is_read(call):
        garbled.changed = IN_DOUBT.format(call=call)
    return garbled


def _refused(error: boto.ClientError, call: str) -> AwsError:
    """AWS answered with an error."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    says = str(error.response.get("Error", {}).get("Message", "")).partition("\n")[0][:400]
    reason = REASON_OF_CODE.get(code, "provider_error")
    who, permission = _denied(says, call)
    what, next_ = SENTENCES[reason]
    words = {
        "call": call,
        "code": code or "no code",
        "status": status,
        "says": WITHHELD if call in SECRET_CALLS else says or "no reason given.",
        "who": who,
        "permission": permission,
    }
    failed = AwsError(reason, what.format(**words), call=call, code=code, next=next_.format(**words))
    metadata = error.response.get("ResponseMetadata", {})
    failed.request_id = str(metadata.get("RequestId", ""))
    failed.retry_after = str(metadata.get("HTTPHeaders", {}).get("retry-after", ""))
    if reason == "provider_error":
        # AWS may have acted before its own 5xx; an unknown 4xx will not go away by asking again.
        failed.retryable = status >= 500
        if failed.retryable and not is_read(call):
            failed.changed = IN_DOUBT.format(call=call)
    return failed


def _denied(says: str, call: str) -> tuple[str, str]:
    """Who lacks which permission, in AWS's words where it says so."""
    match = re.search(r"User: (\S+) is not authorized to perform: ([\w-]+:\w+)(?: on resource: (\S+))?", says)
    if not match:
        return "The identity that firedoor uses", call
    who, permission, resource = match.groups()
    reason = " (a policy denies it explicitly)" if "explicit deny" in says else ""
    on = f" on {resource}" if resource else ""
    return who, f"{permission}{on}{reason}"


def is_read(call: str) -> bool:
    """Whether a call (`iam:GetUser`) changes nothing."""
    return call.partition(":")[2].startswith(READS)


@contextmanager
def after(changed: str) -> Generator[None]:
    """Whatever fails in here failed after a change: its error says `changed` instead of "nothing was changed".

    An empty `changed` leaves the error as it is.
    """
    try:
        yield
    except StepError as error:
        error.changed = changed if changed and error.changed in {"", NOTHING} else f"{changed} {error.changed}".strip()
        raise
