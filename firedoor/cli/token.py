"""`firedoor token`: the API's tokens, made and ended by whoever owns the installation."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic_core import PydanticCustomError
from rich.table import Table
from rich.text import Text

from firedoor.cli.console import err, out, write_json
from firedoor.cli.parameters import Output
from firedoor.config import Settings, load
from firedoor.errors import UsageError
from firedoor.plain import plain
from firedoor.runbook.values import DAY, Duration
from firedoor.server.tokens import Scope, Token, Tokens

Task = Annotated[
    Literal["create", "list", "revoke"],
    Parameter(
        help="create: make one, and show it once. list: all of them. revoke: end one, at once.", show_choices=False
    ),
]
Name = Annotated[str, Parameter(help="What it is called: by whom or what it is used.")]
Person = Annotated[
    str, Parameter(help="Of create: a person of [people] for whom it stands. Without one it is a system's.")
]
Scopes = Annotated[
    tuple[Scope, ...],
    Parameter(
        name="--scope",
        negative="",
        show_choices=False,
        help="Of create: read, start, decide, alerts or customers. Repeatable. Default: read.",
    ),
]
Life = Annotated[str, Parameter(name="--expires", help="Of create: how long it may be used. Default: 90d.")]

LIFE = Duration(3600, 366 * DAY, "between 1h and 366d")


async def token(
    task: Task,
    name: Name = "",
    /,
    *,
    person: Person = "",
    scope: Scopes = (Scope.READ,),
    expires: Life = "90d",
    output: Output = "text",
) -> None:
    """Make, list and end tokens for the API of `firedoor serve`.

    A token is shown once, when it is made; only a hash of it is kept. With
    --person it acts as that person: incidents' rules say what they may decide.
    A system's token may start and look, and counts in no approval.

    Examples
      firedoor token create grafana --scope read
      firedoor token create ada-laptop --person ada --scope read --scope decide
      firedoor token revoke grafana
    """
    settings = load()
    tokens = Tokens(settings.tokens_path)
    if task == "list":
        _list(tokens.all(), output)
        return
    if not name:
        raise UsageError("The token has no name.", changed="Nothing was changed.", next=f"firedoor token {task} NAME")
    if task == "revoke":
        ended = tokens.revoke(name)
        out().print(f"The token {plain(ended.name)} has ended: it opens nothing any more.")
        return
    made, value = tokens.create(name, _principal(name, person, settings), tuple(dict.fromkeys(scope)), _life(expires))
    if output == "json":
        write_json({**_row(made), "token": value.get_secret_value()})
        return
    out().print(value.get_secret_value(), soft_wrap=True, highlight=False)
    scopes = ", ".join(made.scopes)
    told = f"It is {made.principal}'s, for {scopes}, until {made.expires}. It is not shown again: keep it now."
    err().print(plain(told), style="yellow")


def _principal(name: str, person: str, settings: Settings) -> str:
    if not person:
        return f"system:{name}"
    if person not in settings.people:
        raise UsageError(
            f"There is no person {person!r} in the settings.",
            changed="No token was made.",
            next=f"[people] has: {', '.join(settings.people) or 'nobody'}.",
        )
    return f"user:{person}"


def _life(text: str) -> timedelta:
    try:
        return timedelta(seconds=LIFE.parse(text))
    except PydanticCustomError as error:
        raise UsageError(
            f"--expires {text}: {error.message()}.", changed="No token was made.", next=f"Give one {LIFE.words}."
        ) from None


def _list(found: tuple[Token, ...], output: str) -> None:
    if output == "json":
        write_json([_row(one) for one in found])
        return
    if not found:
        out().print("There are no tokens. `firedoor token create NAME` makes one.")
        return
    now = datetime.now(UTC)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("name", "whose", "for", "until", "last used"):
        table.add_column(title, overflow="fold")
    for one in found:
        until = f"ended {one.revoked}" if one.revoked else one.expires
        style = "dim" if one.ended(now) else ""
        words = (one.name, one.principal, ", ".join(one.scopes), until, one.used or "never")
        table.add_row(*(Text(plain(word), style=style) for word in words))
    out().print(table)


def _row(one: Token) -> dict[str, object]:
    return dataclasses.asdict(one)
