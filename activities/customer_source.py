"""`python -m activities.customer_source`: customers as a database or an endpoint has them, for `firedoor customers`.

A program of the worker's side (`firedoor.desk`): `{"source": "https://…", "query": "", "secret": "env:…"}` in, and out
`{"source", "pages"}` (CSV or JSON, as it was answered) or `{"source", "titles", "rows"}`, one line of JSON each.
`secret` is a reference, read here; nothing of it is in an answer.
"""

import contextlib
import json
import math
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from activities._clients import Clients
from activities._http import everybodys, is_loopback, plain
from activities._limits import Limits
from firedoor.config import load
from firedoor.customers.paging import Pages
from firedoor.customers.reading import MOST_BYTES, UNCHANGED, decoded
from firedoor.errors import FiredoorError, StepError
from firedoor.sinks._references import why_unreadable

TIMEOUT = httpx.Timeout(60.0, connect=5.0)
#: Seconds for a whole answer, however slowly it comes.
PATIENCE = 240.0
WORDS = 200
#: What people install for their database, beside firedoor.
DRIVERS = {
    "postgresql": 'postgresql+psycopg://…: "psycopg[binary]", or postgresql+pg8000://…: pg8000',
    "mysql": "mysql+pymysql://…: pymysql",
    "snowflake": "snowflake://…: snowflake-sqlalchemy",
    "bigquery": "bigquery://…: sqlalchemy-bigquery",
    "redshift": 'redshift+psycopg2://…: "sqlalchemy-redshift" psycopg2-binary',
    "mssql": "mssql+pymssql://…: pymssql",
}
#: What PostgreSQL is told first, in the transaction that is rolled back: what is set is as it was then, for whoever a
#: pooler gives the connection next. The second stands where a query ends the transaction, and goes on.
READING = (
    "SET TRANSACTION READ ONLY",
    "SET default_transaction_read_only = on",
    "SET statement_timeout = '{patience:g}s'",
)


def fetched(source: str, query: str, secret: str) -> dict[str, Any]:
    """What a source answers. `secret` is the value, or empty. Raises `FiredoorError`."""
    if source.lower().startswith(("http://", "https://")):
        if query:
            raise _wrong("A query is for a database; this is an address.", "Leave it out.")
        return _endpoint(source, secret)
    return _database(source, query, secret)


def _endpoint(source: str, secret: str) -> dict[str, Any]:
    """GET, page after page, no redirects: a token goes to nobody else. One page that fails, and there is no answer."""
    try:
        pages, parts = Pages(source), urlsplit(source)
    except ValueError:
        raise _wrong("The address is none.", "https://crm.internal/customers.json, for example.") from None
    if parts.username or parts.password:
        raise _wrong("The address holds a login.", '[customers] secret = "env:FIREDOOR_SECRET_…" names a bearer token.')
    if parts.scheme != "https" and not is_loopback(source):
        raise _wrong(f"{pages.where} is not https: anybody on the way could read and change it.", "Use https.")
    headers = {"User-Agent": "firedoor", "Accept": "application/json, text/csv;q=0.9"}
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    where, trust = pages.where, not is_loopback(source)
    try:
        with httpx.Client(headers=headers, timeout=TIMEOUT, trust_env=trust, verify=everybodys()) as client:
            return {"source": where, "pages": list(_answers(client, pages))}
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise StepError(
            "unreachable",
            f"{pages.where} does not answer as it must: {type(error).__name__}.",
            changed=UNCHANGED,
            next="Look whether it is up, then import again.",
        ) from None


def _answers(client: httpx.Client, pages: Pages) -> Iterator[str]:
    """What each page says. Raises `FiredoorError`, `httpx.HTTPError`."""
    allowance, more = _Allowance(), True
    while more:
        with client.stream("GET", pages.url) as response:
            _refuse(response, pages.where)
            data = b"".join(allowance.taken(part, pages.where) for part in response.iter_bytes())
        yield decoded(data, pages.where)
        more = pages.turn(response.headers.get("link", ""))


def _refuse(response: httpx.Response, where: str) -> None:
    """Raise `StepError` for an answer that is not all customers."""
    if response.is_redirect:
        to = plain(urlsplit(response.headers.get("location", "")).hostname or "elsewhere")
        raise _wrong(f"{where} redirects to {to}, where no token of it shall go.", "Name the last address.")
    if response.status_code in {401, 403}:
        raise StepError(
            "permission_missing",
            f"{where} refuses us with {response.status_code}.",
            changed=UNCHANGED,
            next="[customers] secret names a reference to its bearer token.",
        )
    if response.status_code != 200:
        raise StepError(
            "provider_error",
            f"{where} answers {response.status_code}.",
            changed=UNCHANGED,
            next="Look at it, then import again.",
        )


class _Allowance:
    """What a source may still answer: bytes, and the time for them; all of its pages, or rows, together."""

    def __init__(self) -> None:
        self._left = MOST_BYTES
        self._deadline = time.monotonic() + PATIENCE

    def taken(self, part: bytes, where: str) -> bytes:
        """The part, if there was room and time for it. Raises `StepError`."""
        self.take(len(part), where)
        return part

    def take(self, size: int, where: str) -> None:
        """So much came. Raises `StepError` where it is too much, or too late."""
        self._left -= size
        if self._left < 0:
            raise _wrong(f"{where} answers more than {MOST_BYTES >> 20} MiB.", "Leave out what firedoor does not read.")
        if time.monotonic() > self._deadline:
            raise _wrong(f"{where} took more than {PATIENCE:g} s to answer.", "Export a file, and import that.")


def _database(source: str, query: str, secret: str) -> dict[str, Any]:
    """The rows of one SELECT. It is rolled back whatever it did; a login that may only read is better."""
    url = _url(source)
    # Options may hold anything, and are nobody's business.
    where = url.set(query={}).render_as_string()
    engine = _engine(url.set(password=secret) if secret else url)
    if not query:
        raise _wrong(
            "What shall the database be asked?", "--query 'SELECT … AS customer, … FROM …', or [customers] query."
        )
    try:
        with _connected(engine) as connection:
            return {"source": where} | _rows(connection, query, where)
    except SQLAlchemyError as error:
        said = _said(error).partition("\n")[0]
        said = plain(said.replace(secret, "[secret]") if secret else said)[:WORDS]
        raise StepError(
            "provider_error",
            f"{where} does not answer the query: {said}",
            changed=UNCHANGED,
            next="Try the query with the database's own tool, as the same user.",
        ) from None


def _url(source: str) -> URL:
    try:
        url = make_url(source)
    except (ArgumentError, ValueError):
        raise _wrong(
            "This is no file, no https address and no database.",
            "SQLAlchemy names one postgresql+psycopg://user@host/name.",
        ) from None
    if url.password or any("password" in name.lower() for name in url.query):
        raise _wrong(
            "The name of the database holds a password.", '[customers] secret = "env:FIREDOOR_SECRET_…" names it.'
        )
    # SQLite would make an empty file, and forget every customer.
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).is_file()):
        raise _wrong(f"There is no database {plain(url.database or '')!r}.", "sqlite:////the/whole/path.sqlite")
    return url


def _engine(url: URL) -> Engine:
    """What connects. Raises `StepError` where there is no such kind of database, or no driver for it."""
    backend = url.get_backend_name()
    next = f"Install one beside firedoor ({DRIVERS.get(backend, f'{backend}: see the dialects of SQLAlchemy')})."
    try:
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise _wrong(f"There is no driver for {plain(url.drivername)} here.", next) from None
    if engine.dialect.is_async:
        raise _wrong(f"{plain(url.drivername)} is a driver for asynchronous programs, which this is not.", next)
    return engine


def _connected(engine: Engine) -> Connection:
    """A connection. Raises `StepError` where the driver cannot be used, `SQLAlchemyError`."""
    try:
        return engine.connect()
    except TypeError as error:
        # Drivers in Python take the options of the address as arguments of a function.
        raise _wrong(
            f"The driver does not know an option: {plain(str(error))}.", "Correct what follows the ?."
        ) from None


def _said(error: SQLAlchemyError) -> str:
    """What the database says, as far as there is one."""
    said = error.orig if isinstance(error, DBAPIError) else error
    match getattr(said, "args", ()):
        # pg8000 passes PostgreSQL's own fields on; M is the message.
        case ({"M": str(message)},):
            return message
        case _:
            return str(said)


def _rows(connection: Connection, query: str, where: str) -> dict[str, Any]:
    # Row after row, and the query as it was written: a colon or a percent sign in it is no parameter.
    options = {"stream_results": True, "no_parameters": True}
    allowance, rows = _Allowance(), list[list[str]]()
    try:
        _only_read(connection)
        with connection.exec_driver_sql(query, execution_options=options) as result:
            if not result.returns_rows:
                raise _wrong(
                    "The query is no SELECT: it was rolled back.", "Name the columns of a SELECT as those of CSV."
                )
            for row in result:
                rows.append([_text(value) for value in row])
                allowance.take(sum(map(len, rows[-1])), where)
            return {"titles": list(result.keys()), "rows": rows}
    finally:
        connection.rollback()


def _text(value: Any) -> str:
    """A value as CSV would have it: nothing for null, whole numbers without a point, lists and objects as JSON."""
    match value:
        case None:
            return ""
        case float() | Decimal() if math.isfinite(value) and value == int(value):
            return str(int(value))
        case list() | tuple() | dict():
            return json.dumps(value, ensure_ascii=False, default=str)
        case bytes() | bytearray() | memoryview():
            return bytes(value).decode("utf-8", errors="backslashreplace")
        case _:
            return str(value)


def _only_read(connection: Connection) -> None:
    """Let a connection only read where the database knows that: some statements are past any rolling back."""
    match connection.dialect.name:
        case "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        case "postgresql":
            for setting in READING:
                connection.exec_driver_sql(setting.format(patience=PATIENCE))
        case "mysql" | "mariadb":
            connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
            connection.commit()
        case _:
            pass


def _wrong(what: str, next: str) -> StepError:
    return StepError("invalid_arguments", what, changed=UNCHANGED, next=next)


def _secret(clients: Clients, reference: str) -> str:
    """The value at a reference. Raises `StepError`, without the text where it is none: it may be the value itself."""
    if not reference:
        return ""
    if why := why_unreadable(reference):
        raise _wrong(f"The secret {why}.", "Put it into an environment variable or a sink, and name that.")
    return clients.secret(reference).get_secret_value()


def answer(line: bytes) -> dict[str, Any]:
    """The answer to a question, as JSON."""
    question = json.loads(line)
    try:
        settings = load()
        clients = Clients(settings, Limits(settings.limits_path, settings.limits, urgent=True))
        with contextlib.closing(clients):
            secret = _secret(clients, str(question.get("secret") or ""))
        return fetched(str(question["source"]), str(question.get("query") or ""), secret)
    except FiredoorError as error:
        return {"error": {"reason": error.reason, "what": error.what, "changed": UNCHANGED, "next": error.next}}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer(sys.stdin.buffer.readline())) + "\n")
