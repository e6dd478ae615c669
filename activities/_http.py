"""The one HTTP client of providers that have no library of their own here: what may be sent, and what refusals mean.

It sends nothing before its time (`_guard`), waits its turn (`_limits`), follows no redirect, reads no more than
`MOST_BYTES`, and quotes every id into one segment of the path, so that an id from an alert reaches no other endpoint.
Secrets are `SecretStr`; whatever a provider says is searched for those of the request before anybody may read it.
"""

import datetime
import json
import re
import ssl
from base64 import b64decode
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import requests
from pydantic import SecretStr
from requests.adapters import HTTPAdapter

from activities._bucket import PENALTY, retry_after
from activities._guard import refuse_change
from activities._limits import Limits
from firedoor.errors import StepError
from firedoor.incident import Evidence

MOST_BYTES = 16 * 1024 * 1024
#: How much of a provider's sentence a person is shown.
WORDS = 200
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
#: At once to one provider. httpx looks at all that are open before each call: many cost more than they gain.
CONNECTIONS = 32
THROTTLED = 429
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
REQUEST_IDS = ("x-request-id", "request-id", "x-github-request-id", "x-amzn-requestid", "cf-ray")
#: Headers of ours that hold nothing secret. Whatever is in another is kept out of sentences, unless it is a mere word.
OPEN_HEADERS = frozenset({"accept", "content-type", "anthropic-version", "x-github-api-version"})
SHORTEST = 6
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

IN_DOUBT = "It is not known whether {who} carried it out; firedoor looks before it tries again."


class ProviderError(StepError):
    """A provider refused a call. `status` is its HTTP status, 0 without an answer; `code` its own word, if any."""

    def __init__(self, reason: str, what: str, *, status: int = 0, code: str = "", next: str = "") -> None:
        super().__init__(reason, what, next=next)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `template` is a path with {names} that `ids` fills in; `secrets` are values that it carries.

    `reads` marks a call that changes nothing although it is no GET. `permission` is what the provider must have
    granted. `statuses` are refusals that the caller understands itself. `base` is another address of the provider than
    the client's; whoever gives it has made sure whose it is.
    """

    method: str
    template: str
    ids: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Collection[SecretStr] = ()
    reads: bool = False
    permission: str = ""
    statuses: Collection[int] = ()
    base: str = ""

    @property
    def path(self) -> str:
        """The path, with every id in one segment. Raises `invalid_arguments` for an id that cannot be in one."""
        return self.template.format_map({name: segment(name, value) for name, value in self.ids.items()})


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider answered: its status, its JSON (None for an empty body), and its headers. May hold secrets."""

    call: str
    status: int
    data: Any = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @property
    def request_id(self) -> str:
        """The provider's own id of the call, empty where it gives none."""
        return next((self.headers[name] for name in REQUEST_IDS if name in self.headers), "")

    def evidence(self, says: str) -> Evidence:
        """This answer as evidence; `says` is what it shows, and no secret."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Evidence(source=self.call, says=says, observed_at=now, request_id=plain(self.request_id))


@cache
def everybodys() -> ssl.SSLContext:
    """The authorities that everybody trusts: read once, because reading them takes longer than most calls."""
    return httpx.create_ssl_context()


class Http:
    """Calls of one provider. Threads may share it. Blocks: call it in a thread."""

    def __init__(
        self, name: str, title: str, base_url: str, limits: Limits | None = None, *, table: str = "", ca_file: str = ""
    ) -> None:
        """`base_url` may have a path. Raises `StepError` (`invalid_arguments`) unless it is https or loopback.

        `table` is the one of firedoor.toml that people are sent to, `providers.NAME` if not given. `ca_file` holds the
        certificates (PEM) of those who vouch for the server; if not given, those whom everybody trusts do.
        """
        self.name = name
        self.title = title
        self.table = table or f"providers.{name}"
        self.base_url = self._checked(base_url)
        self._limits = limits
        self._ca_file = ca_file
        self._client = httpx.Client(
            timeout=TIMEOUT,
            follow_redirects=False,
            headers={"User-Agent": "firedoor", "Accept": "application/json"},
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            trust_env=not is_loopback(self.base_url),
            verify=self._trusted(ca_file) if ca_file else everybodys(),
        )

    @cached_property
    def session(self) -> requests.Session:
        """For libraries that bring calls of their own: its connections are kept, and closed with this client."""
        session = requests.Session()
        # Not the environment's proxies, nor ~/.netrc.
        session.trust_env = False
        session.verify = self._ca_file or True
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS, pool_block=True))
        return session

    def close(self) -> None:
        """Close its connections."""
        self._client.close()
        if "session" in vars(self):
            self.session.close()

    def send(self, request: Request) -> Reply:
        """Send it. Raises `ProviderError`, and `not_in_plan_mode` for a change before its time."""
        call = f"{self.name}:{request.method} {request.template}"
        base = self._checked(request.base) if request.base else self.base_url
        address = base + request.path
        if request.method not in {"GET", "HEAD"} and not request.reads:
            refuse_change(call)
        if self._limits:
            self._limits.wait(self.name)
        with self._sentences(call, request, base):
            reply = self._reply(call, request, address)
        if reply.status < httpx.codes.MULTIPLE_CHOICES or reply.status in request.statuses:
            return reply
        raise self._refused(reply, request)

    def _checked(self, base_url: str) -> str:
        parts = urlsplit(base_url)
        if not parts.hostname or (parts.scheme != "https" and not is_loopback(base_url)):
            raise StepError(
                "invalid_arguments",
                f"{self.title} is said to be at {base_url!r}: only https is used, but for this machine itself.",
                next=f"Correct base_url in [{self.table}] of firedoor.toml and restart the worker.",
            )
        return base_url.rstrip("/")

    def _trusted(self, ca_file: str) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise StepError(
                "invalid_arguments",
                f"The ca_file of {self.title}, {ca_file}, holds no certificates that can be read: {error.strerror}.",
                next=f"Correct [{self.table}] in firedoor.toml and restart the worker. The file is in PEM.",
            ) from None

    def _reply(self, call: str, request: Request, address: str) -> Reply:
        with self._client.stream(
            request.method,
            address,
            params=request.query or None,
            json=request.json,
            data=request.form,
            headers=request.headers,
        ) as answer:
            body = bytearray()
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise self._garbled(call, f"answered with more than {MOST_BYTES} bytes", request)
        return Reply(call, answer.status_code, self._parsed(call, answer, bytes(body), request), answer.headers)

    def _parsed(self, call: str, answer: httpx.Response, body: bytes, request: Request) -> Any:
        """The JSON of a body. A refusal may be in plain text; an answer that is none must be JSON or empty."""
        if not body.strip():
            return None
        try:
            return json.loads(body)
        except ValueError:
            kind = answer.headers.get("content-type", "").partition(";")[0] or "no type"
            if answer.is_error and kind == "text/plain":
                return body[:WORDS].decode(errors="replace")
            if answer.is_error:
                return None
            raise self._garbled(call, f"answered {answer.status_code} with {kind} instead of JSON", request) from None

    def _garbled(self, call: str, how: str, request: Request) -> ProviderError:
        error = ProviderError(
            "provider_error",
            f"{self.title} {how} ({call}).",
            next="Look whether a proxy or a log-in page stands before it, and at its status page. Then retry the step.",
        )
        self._mark_doubt(error, request)
        return error

    def _mark_doubt(self, error: ProviderError, request: Request) -> None:
        if request.method not in {"GET", "HEAD"} and not request.reads:
            error.changed = IN_DOUBT.format(who=self.title)

    @contextmanager
    def _sentences(self, call: str, request: Request, base: str) -> Generator[None]:
        """Turn the errors of the network into `ProviderError`; their text may name the whole address."""
        try:
            yield
        except httpx.HTTPError as error:
            if _untrusted(error):
                raise self._stranger(call, base) from None
            silent = ProviderError(
                "unreachable",
                f"{self.title} does not answer at {base} ({type(error).__name__}, {call}).",
                next="Check the network and base_url in firedoor.toml; firedoor tries again.",
            )
            if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
                self._mark_doubt(silent, request)
            raise silent from None

    def _stranger(self, call: str, base: str) -> ProviderError:
        return ProviderError(
            "invalid_arguments",
            f"What answers at {base} shows a certificate that firedoor has no reason to trust ({call}).",
            next=f"If {self.title} has an authority of its own, name the file with its certificate (PEM) as ca_file in "
            f"[{self.table}] of firedoor.toml and restart the worker. Otherwise find out who answers there.",
        )

    def _refused(self, reply: Reply, request: Request) -> ProviderError:
        said = self._said(reply, request)
        reason, what, next_ = self._meaning(reply, request)
        error = ProviderError(reason, f"{what}{said}.", status=reply.status, code=_code(reply.data), next=next_)
        if reply.status >= httpx.codes.INTERNAL_SERVER_ERROR:
            self._mark_doubt(error, request)
        return error

    def _meaning(self, reply: Reply, request: Request) -> tuple[str, str, str]:
        """What a refusal means: reason, sentence without its end, and what to do."""
        who, call = self.title, reply.call
        match reply.status:
            case 429 | 403 if _out_of_calls(reply):
                self._penalise(reply)
                return "throttled", f"{who} is throttling firedoor ({call})", "firedoor tries again by itself."
            case 401:
                return (
                    "credentials_expired",
                    f"{who} does not accept the credential that firedoor uses for {call}",
                    f"Put a working one where [{self.table}] in firedoor.toml says, then retry the step.",
                )
            case 403:
                lacking = f", which needs {request.permission}" if request.permission else ""
                return (
                    "permission_missing",
                    f"{who} refuses {call}{lacking}",
                    "Grant it to the credential that firedoor uses, then retry the step.",
                )
            case 404 | 410:
                return "not_found", f"{who} knows no such thing ({call})", "Check the id, and whose account it is."
            case 409:
                return (
                    "conflict",
                    f"{who} says that it is in another state ({call})",
                    "Look there, then retry the step.",
                )
            case status if status >= httpx.codes.INTERNAL_SERVER_ERROR:
                return "provider_error", f"{who} answered {status} to {call}", "firedoor tries again by itself."
            case status if status < httpx.codes.BAD_REQUEST:
                return (
                    "invalid_arguments",
                    f"{who} redirects {call} elsewhere ({status}), and firedoor follows no redirects",
                    f"Correct base_url in [{self.table}] of firedoor.toml.",
                )
            case status:
                return "invalid_arguments", f"{who} does not accept {call} ({status})", "Correct it and run it again."

    def _penalise(self, reply: Reply) -> None:
        if self._limits:
            asked = reply.headers.get("retry-after") or reply.headers.get("x-ratelimit-reset") or ""
            now = datetime.datetime.now(datetime.UTC)
            self._limits.penalise(self.name, seconds=retry_after(asked, now) if asked else PENALTY)

    def _said(self, reply: Reply, request: Request) -> str:
        """The provider's own sentence, without what the request carried in secret."""
        words = _words(reply.data)
        for value in _carried(request):
            words = words.replace(value, "[secret]")
        words = plain(words)[:WORDS].rstrip(". ")
        return f": “{words}”" if words else ""


def is_loopback(url: str) -> bool:
    """Is it this machine itself?"""
    return urlsplit(url).hostname in LOOPBACK


def _out_of_calls(reply: Reply) -> bool:
    """429, or what GitHub says with a 403 as well."""
    headers = reply.headers
    limited = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    return limited or reply.status == THROTTLED


def _untrusted(error: BaseException | None) -> bool:
    """Did the certificate end it? httpx says only that there was no connection."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _carried(request: Request) -> list[str]:
    """All that a request carried in secret, longest first: what it names as such, and what let it in."""
    found = {secret.get_secret_value() for secret in request.secrets}
    for name, value in request.headers.items():
        kind, _, rest = value.partition(" ")
        if name.lower() not in OPEN_HEADERS:
            found |= {value, rest or kind}
        if kind == "Basic":
            with suppress(ValueError):
                found |= set(b64decode(rest).decode().split(":"))
    return sorted((one for one in found if len(one) >= SHORTEST), key=len, reverse=True)


def segment(name: str, value: str) -> str:
    """An id as one segment of a path. Raises `invalid_arguments` where that cannot be."""
    if not value or value in {".", ".."} or UNSAFE.search(value) or len(value) > MOST_SEGMENT:
        shown = plain(value)[:40]
        raise StepError(
            "invalid_arguments",
            f"{shown!r} cannot be the {name} of anything: nothing was sent.",
            next="Look where it comes from; an alert is a stranger's text.",
        )
    return quote(value, safe="")


MOST_SEGMENT = 500


def plain(text: str) -> str:
    """Text of a stranger on one line, without control characters."""
    return UNSAFE.sub(" ", text)


def _words(data: Any) -> str:
    """The sentence in an error's body, wherever the provider puts it."""
    if isinstance(data, str):
        return data
    if not isinstance(data, Mapping):
        return ""
    error = data.get("error")
    if isinstance(error, Mapping):
        return str(error.get("message", ""))
    for name in ("message", "error_description", "detail", "error", "errors"):
        found = data.get(name)
        if isinstance(found, str):
            return found
        if isinstance(found, list) and found:
            return _words(found[0]) if isinstance(found[0], Mapping) else str(found[0])
    return ""


def _code(data: Any) -> str:
    """The provider's own word for an error, empty where it has none."""
    error = data.get("error") if isinstance(data, Mapping) else None
    code = error.get("code") or error.get("type") if isinstance(error, Mapping) else error
    return plain(str(code))[:60] if isinstance(code, str) else ""
