"""The AWS accounts that firedoor may act in, and how it is known there.

One `Accounts` serves a whole worker: clients are made once and are safe to share between threads. Retrying is
Temporal's job, so no client retries; that a lost answer is not silently asked again is what `create_access_key` needs.
"""

import datetime
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.credentials import CredentialResolver, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.session import get_session

from activities._bucket import retry_after
from activities._guard import refuse_change
from activities._limits import Limits
from activities.aws.errors import GIVE_CREDENTIALS, AwsError, from_botocore, is_read, unreadable
from activities.aws.principals import Principal, principal_of
from firedoor.config import Aws
from firedoor.errors import StepError
from firedoor.incident import Evidence

CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=50,
    user_agent_extra="firedoor",
)
SESSION_NAME = "firedoor"


class Answer(dict[str, Any]):
    """What AWS answered to `call`, with its request id and the time on AWS's own clock."""

    def __init__(self, call: str, body: dict[str, Any]) -> None:
        metadata = body.pop("ResponseMetadata", {})
        super().__init__(body)
        self.call = call
        self.request_id = str(metadata.get("RequestId", ""))
        self.at = _clock(metadata.get("HTTPHeaders", {}).get("date", ""))

    def evidence(self, says: str) -> Evidence:
        """This answer as evidence; `says` is what it shows."""
        return Evidence(source=self.call, says=says, observed_at=timestamp(self.at), request_id=self.request_id)


class Service:
    """One service of AWS in one account and region: `iam("UpdateAccessKey", UserName=…)`. Raises `AwsError`."""

    def __init__(self, name: str, client: Any, limits: Limits | None = None, account: str = "") -> None:
        """`limits` are asked before each call; `account` is empty for firedoor's own."""
        self.name = name
        self.region = str(client.meta.region_name)
        self._client = client
        self._limits = limits
        self._place = f"{account or 'own'}/{self.region}"

    def __call__(self, operation: str, **arguments: Any) -> Answer:
        """Call an operation by the name that AWS gives it. Raises `not_in_plan_mode` for a change before its time."""
        call = f"{self.name}:{operation}"
        if not is_read(call):
            refuse_change(call)
        with self._in_turn(call), botocore_errors(call, self._client.meta.endpoint_url):
            return Answer(call, getattr(self._client, xform_name(operation))(**arguments))

    @contextmanager
    def _in_turn(self, call: str) -> Generator[None]:
        """Wait for the turn of a call; a throttling answer makes the next ones wait."""
        if self._limits is None:
            yield
            return
        provider = f"aws.{self.name}" if is_read(call) else f"aws.{self.name}.write"
        self._limits.wait(provider, self._place)
        try:
            yield
        except AwsError as error:
            if error.reason == "throttled":
                asked = retry_after(error.retry_after, datetime.datetime.now(datetime.UTC))
                self._limits.penalise(provider, self._place, asked)
            raise

    def optional(self, operation: str, **arguments: Any) -> Answer | None:
        """As a call, but None where the thing asked for does not exist."""
        try:
            return self(operation, **arguments)
        except AwsError as error:
            if error.reason == "not_found":
                return None
            raise

    def pages(self, operation: str, member: str, **arguments: Any) -> tuple[list[Any], Answer]:
        """The list `member` over all pages, and the last answer."""
        answer = self(operation, **arguments)
        found = list(answer.get(member, ()))
        while following := _next_page(answer):
            answer = self(operation, **arguments, **following)
            found += answer.get(member, ())
        return found, answer


@dataclass(frozen=True, slots=True)
class Identity:
    """Who AWS says that firedoor is."""

    account: str
    arn: str
    access_key_id: str


class Accounts:
    """Clients for every configured account, and the checks that keep firedoor from acting on itself.

    `session` is boto3's, by default the one that the environment describes. `variables` are the worker's
    `FIREDOOR_SECRET_*` variables, for references such as `env:FIREDOOR_SECRET_NEW_KEY`. Without `limits` calls are not
    counted.
    """

    def __init__(
        self,
        aws: Aws,
        session: boto3.Session | None = None,
        variables: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.variables: Mapping[str, str] = variables or {}
        self._aws = aws
        self._session = session
        self._limits = limits
        self._lock = threading.RLock()
        self._services: dict[tuple[str, str, str], Service] = {}
        self._sessions: dict[str, boto3.Session] = {}
        self._identity: Identity | None = None

    @property
    def settle_seconds(self) -> float:
        """Seconds over which a change must read back unchanged."""
        return self._aws.settle_seconds

    @property
    def region(self) -> str:
        """The region of calls that name none."""
        return self._aws.region

    @property
    def cloudtrail_regions(self) -> tuple[str, ...]:
        """Where CloudTrail is asked; us-east-1 is among them because IAM and global STS calls are recorded there."""
        return tuple(dict.fromkeys((*(self._aws.cloudtrail_regions or (self._aws.region,)), "us-east-1")))

    def identity(self) -> Identity:
        """Who AWS says that firedoor is, by `sts:GetCallerIdentity`. Needs no permission."""
        key = self._own_key()
        with self._lock:
            if self._identity is None or self._identity.access_key_id != key:
                answer = self._service("sts", "", "")("GetCallerIdentity")
                self._identity = Identity(answer["Account"], answer["Arn"], key)
            return self._identity

    def service(self, name: str, account: str = "", region: str = "") -> Service:
        """A service (`iam`, `secretsmanager`, …) in an account (default: firedoor's own) and region.

        Raises `wrong_account` where the account is neither firedoor's own nor configured.
        """
        if not account or (account not in self._aws.accounts and account == self.identity().account):
            return self._service(name, "", region)
        if account in self._aws.accounts:
            return self._service(name, account, region)
        own = self.identity()
        raise StepError(
            "wrong_account",
            f"This belongs to AWS account {account}, but firedoor acts as {own.arn} in account {own.account} and has "
            f"no role configured for {account}.",
            next=(
                "Add the role to firedoor.toml, restart the worker, and retry the step:\n"
                f'[aws.accounts.{account}]\nrole_arn = "arn:aws:iam::{account}:role/ROLE-FOR-FIREDOOR"'
            ),
        )

    def owner(self, access_key_id: str) -> str:
        """The account of an access key. Needs sts:GetAccessKeyInfo. Raises `not_found`."""
        try:
            return str(self.service("sts")("GetAccessKeyInfo", AccessKeyId=access_key_id)["Account"])
        except AwsError as error:
            if error.reason not in {"invalid_arguments", "not_found"}:
                raise
            raise unknown_key(access_key_id) from None

    def refuse_own_key(self, access_key_id: str) -> None:
        """Raise `refused_self` if firedoor itself works with this key, or assumes its roles with it."""
        if access_key_id == self._own_key():
            raise StepError(
                "refused_self",
                f"firedoor itself works with {access_key_id} ({self.identity().arn}). "
                "Shutting it would stop the response.",
                next="Run the worker with other credentials, then retry the step.",
            )

    def refuse_own_principal(self, principal: Principal) -> None:
        """Raise `refused_self` if firedoor acts as this user or role, or assumes it in an account."""
        if principal in self.own_principals():
            raise StepError(
                "refused_self",
                f"firedoor itself acts as {principal.label}. Denying it would stop the response.",
                next="Run the worker as another principal (or assume another role there), then retry the step.",
            )

    def own_principals(self) -> tuple[Principal, ...]:
        """The users and roles that firedoor acts as, in any account; the root user is none."""
        arns = [self.identity().arn, *(account.role_arn for account in self._aws.accounts.values())]
        return tuple(principal for principal in map(principal_of, arns) if principal)

    def acting_as(self, access_key_id: str, secret: str, token: str = "") -> Service:
        """STS with somebody else's credentials: only to ask whether AWS takes them."""
        with self._lock:
            # Of our own session, because making one reads all of botocore's data anew.
            client: Any = self._session_of("").client(
                "sts",
                region_name=self._aws.region,
                endpoint_url=self._aws.endpoint_url or None,
                config=CONFIG,
                aws_access_key_id=access_key_id,
                aws_secret_access_key=secret,
                aws_session_token=token or None,
            )
        return Service("sts", client, self._limits)

    def _service(self, name: str, account: str, region: str) -> Service:
        place = (name, account, region or self._aws.region)
        with self._lock:
            if place not in self._services:
                with botocore_errors(f"{name}:*", self._aws.endpoint_url or "AWS"):
                    client: Any = self._session_of(account).client(
                        name, region_name=place[2], endpoint_url=self._aws.endpoint_url or None, config=CONFIG
                    )
                self._services[place] = Service(name, client, self._limits, account)
            return self._services[place]

    def _session_of(self, account: str) -> boto3.Session:
        if not account:
            if self._session is None:
                self._session = boto3.Session(region_name=self._aws.region)
            return self._session
        if account not in self._sessions:
            self._sessions[account] = self._assuming(account)
        return self._sessions[account]

    def _assuming(self, account: str) -> boto3.Session:
        """A session that assumes the configured role, now and whenever its credentials run out."""
        configured = self._aws.accounts[account]
        if Principal.parse(configured.role_arn).account != account:
            raise StepError(
                "wrong_account",
                f"aws.accounts.{account} names {configured.role_arn}, which belongs to another account.",
                next="Correct role_arn in firedoor.toml and restart the worker.",
            )
        arguments = {"RoleArn": configured.role_arn, "RoleSessionName": SESSION_NAME}
        if configured.external_id:
            arguments["ExternalId"] = configured.external_id
        sts = self._service("sts", "", "")

        def fetch() -> dict[str, str]:
            credentials = sts("AssumeRole", **arguments)["Credentials"]
            return {
                "access_key": credentials["AccessKeyId"],
                "secret_key": credentials["SecretAccessKey"],
                "token": credentials["SessionToken"],
                "expiry_time": credentials["Expiration"].isoformat(),
            }

        inner = get_session()
        inner.register_component("credential_provider", CredentialResolver([AssumedRole(fetch)]))
        return boto3.Session(botocore_session=inner, region_name=self._aws.region)

    def _own_key(self) -> str:
        with self._lock, botocore_errors("sts:GetCallerIdentity", self._aws.endpoint_url or "AWS"):
            key = _access_key(self._session_of(""))
        if not key:
            raise AwsError(
                "credentials_missing",
                "firedoor has no AWS credentials.",
                call="sts:GetCallerIdentity",
                next=GIVE_CREDENTIALS,
            )
        return key


class AssumedRole:
    """botocore's provider of the credentials that `fetch` gets, renewed before they run out."""

    METHOD = "firedoor-assume-role"
    CANONICAL_NAME = METHOD

    def __init__(self, fetch: Callable[[], dict[str, str]]) -> None:
        self._fetch = fetch

    def load(self) -> DeferredRefreshableCredentials:
        """Nothing is asked before the first use."""
        return DeferredRefreshableCredentials(refresh_using=self._fetch, method=self.METHOD)


@contextmanager
def botocore_errors(call: str, endpoint: str) -> Generator[None]:
    """Turn botocore's errors into `AwsError`; what botocore knew of the request stays behind."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise from_botocore(error, call, endpoint) from None
    except ResponseParserError:
        # Its text quotes the answer, which may hold a secret.
        raise unreadable(call) from None


def unknown_key(access_key_id: str) -> StepError:
    """The error for a key that AWS does not know."""
    return StepError(
        "not_found",
        f"AWS knows no access key {access_key_id}.",
        next="Check the id. A key that was deleted is unknown too: look for it in CloudTrail.",
    )


def timestamp(moment: datetime.datetime | None) -> str:
    """RFC 3339 in UTC with whole seconds; empty for None."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def _clock(date: str) -> datetime.datetime:
    """The moment of an HTTP Date header, or our own clock's where there is none."""
    try:
        return parsedate_to_datetime(date)
    except ValueError:
        return datetime.datetime.now(datetime.UTC)


def _next_page(answer: Answer) -> dict[str, str]:
    if answer.get("IsTruncated"):
        return {"Marker": answer["Marker"]}
    return {"NextToken": answer["NextToken"]} if answer.get("NextToken") else {}


def _access_key(session: boto3.Session) -> str:
    credentials: Any = session.get_credentials()
    return str(credentials.get_frozen_credentials().access_key) if credentials else ""
