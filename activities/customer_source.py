"""`python -m activities.customer_source`: customers as a database or an endpoint has them, for `firedoor customers`.

A program of the worker's side (`firedoor.desk`): `{"source": "https://…", "query": "", "secret": "env:…"}` in, and out
`{"source", "text"}` (CSV or JSON, as it was answered) or `{"source", "titles", "rows"}`, one line of JSON each.
`secret` is a reference, read here; nothing of it is in an answer.
"""

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from activities._clients import Clients
from activities._http import everybodys, is_loopback, plain
from activities._limits import Limits
from firedoor.config import load
from firedoor.customers.reading import MOST_BYTES, UNCHANGED, decoded
from firedoor.errors import FiredoorError, StepError
from firedoor.sinks._references import why_unreadable

TIMEOUT = httpx.Timeout(60.0, connect=5.0)
#: Seconds for a whole answer, however slowly it comes.
PATIENCE = 240.0
WORDS = 200
#: What people install for their database, beside firedoor.
DRIVERS = {
    "postgresql": 'postgresql+psycopg://…: "psycopg[binary]"',
    "mysql": "mysql+pymysql://…: pymysql",
    "snowflake": "snowflake://…: snowflake-sqlalchemy",
    "bigquery": "bigquery://…: sqlalchemy-bigquery",
    "redshift": 'redshift+psycopg2://…: "sqlalchemy-redshift" psycopg2-binary',
    "mssql": "mssql+pymssql://…: pymssql",
}


def fetched(source: str, query: str, secret: str) -> dict[str, Any]:
    """What a source answers. `secret` is the value, or empty. Raises `FiredoorError`."""
    if urlsplit(source).scheme in {"http", "https"}:
        if query:
            raise _wrong("A query is for a database; this is an address.", "Leave it out.")
        return _endpoint(source, secret)
    return _database(source, query, secret)


def _endpoint(source: str, secret: str) -> dict[str, Any]:
    """GET, one answer, no redirects: a token goes to nobody else, and a page of several is no registry."""
    parts = urlsplit(source)
    where = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
    if parts.username or parts.password:
        raise _wrong("The address holds a login.", '[customers] secret = "env:FIREDOOR_SECRET_…" names a bearer token.')
    if parts.scheme != "https" and not is_loopback(source):
        raise _wrong(f"{where} is not https: anybody on the way could read and change it.", "Use https.")
    headers = {"User-Agent": "firedoor", "Accept": "application/json, text/csv;q=0.9"}
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    try:
        with (
            httpx.Client(timeout=TIMEOUT, trust_env=not is_loopback(source), verify=everybodys()) as client,
            client.stream("GET", source, headers=headers) as response,
        ):
            _refuse(response, where)
            return {"source": where, "text": decoded(b"".join(_bounded(response, where)), where)}
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise StepError(
            "unreachable",
            f"{where} does not answer as it must: {type(error).__name__}.",
            changed=UNCHANGED,
            next="Look whether it is up, then import again.",
        ) from None


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
    if "next" in response.links:
        raise _wrong(f"{where} answers one page of several.", "Let it answer all customers at once, or export a file.")


def _bounded(response: httpx.Response, where: str) -> Iterator[bytes]:
    size, deadline = 0, time.monotonic() + PATIENCE
    for part in response.iter_bytes():
        size += len(part)
        if size > MOST_BYTES:
            raise _wrong(f"{where} answers more than {MOST_BYTES >> 20} MiB.", "Leave out what firedoor does not read.")
        if time.monotonic() > deadline:
            raise _wrong(f"{where} took more than {PATIENCE:g} s to answer.", "Export a file, and import that.")
        yield part


def _database(source: str, query: str, secret: str) -> dict[str, Any]:
    """The rows of one SELECT. It is rolled back whatever it did; a login that may only read is better."""
    url = _url(source)
    where = url.render_as_string(hide_password=True)
    if not query:
        raise _wrong(
            "What shall the database be asked?", "--query 'SELECT … AS customer, … FROM …', or [customers] query."
        )
    try:
        engine = create_engine(url.set(password=secret) if secret else url, poolclass=NullPool, hide_parameters=True)
        with engine.connect() as connection:
            return {"source": where} | _rows(connection, query, where)
    except (ModuleNotFoundError, NoSuchModuleError):
        name = url.get_backend_name()
        known = DRIVERS.get(name, f"{name}: look at SQLAlchemy's list of dialects")
        raise _wrong(f"There is no driver for {name} here.", f"Install it beside firedoor ({known}).") from None
    except SQLAlchemyError as error:
        said = plain(str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0])[:WORDS]
        raise StepError(
            "provider_error",
            f"{where} refuses the query: {said.replace(secret, '[secret]') if secret else said}",
            changed=UNCHANGED,
            next="Try the query with the database's own tool.",
        ) from None


def _url(source: str) -> URL:
    try:
        url = make_url(source)
    except (ArgumentError, ValueError):
        raise _wrong(
            "This is no file, no https address and no database.",
            "SQLAlchemy names one postgresql+psycopg://user@host/name.",
        ) from None
    if url.password:
        raise _wrong(
            "The name of the database holds a password.", '[customers] secret = "env:FIREDOOR_SECRET_…" names it.'
        )
    # SQLite would make an empty file, and forget every customer.
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).is_file()):
        raise _wrong(f"There is no database {plain(url.database or '')!r}.", "sqlite:////the/whole/path.sqlite")
    return url


def _rows(connection: Connection, query: str, where: str) -> dict[str, Any]:
    connection = _reading(connection)
    result = connection.execution_options(stream_results=True).execute(text(query))
    try:
        if not result.returns_rows:
            raise _wrong("The query is no SELECT: it was rolled back.", "A SELECT whose columns are named as CSV's.")
        rows, size = list[list[str]](), 0
        for row in result:
            values = ["" if value is None else str(value) for value in row]
            size += sum(map(len, values))
            if size > MOST_BYTES:
                raise _wrong(f"{where} answers more than {MOST_BYTES >> 20} MiB.", "Select what firedoor reads.")
            rows.append(values)
        return {"titles": list(result.keys()), "rows": rows}
    finally:
        connection.rollback()


def _reading(connection: Connection) -> Connection:
    """The connection, which can only read where the database knows that: some statements are past any rolling back."""
    match connection.dialect.name:
        case "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        case "postgresql":
            return connection.execution_options(postgresql_readonly=True)
        case "mysql" | "mariadb":
            connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
            connection.commit()
        case _:
            pass
    return connection


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
