"""What the API answers besides the models that the engine has: errors with their sentences, and small results."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query, Request, status
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import JSONResponse

from firedoor.errors import FiredoorError, RefusedError, UnreachableError, UsageError
from firedoor.server.api.office import ForbiddenError, UnknownCallerError

Item = TypeVar("Item")
#: The items of a list.
Most = Annotated[int, Query(ge=1, le=1000)]
#: The first that fits.
STATUS: tuple[tuple[type[FiredoorError], int], ...] = (
    (UnknownCallerError, status.HTTP_401_UNAUTHORIZED),
    (ForbiddenError, status.HTTP_403_FORBIDDEN),
    (RefusedError, status.HTTP_409_CONFLICT),
    (UnreachableError, status.HTTP_503_SERVICE_UNAVAILABLE),
    (UsageError, status.HTTP_400_BAD_REQUEST),
    (FiredoorError, status.HTTP_500_INTERNAL_SERVER_ERROR),
)


class Body(BaseModel):
    """What a request brings: JSON as anybody can write it again, which Python's reader does not insist on.

    A key that it does not have is refused: `{"step": …}` of an undo would take back everything.
    """

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _json(cls, value: Any) -> Any:
        try:
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except TypeError:
            # Bytes: FastAPI reads as JSON only what calls itself that.
            raise ValueError("it does not say that it is JSON: send `Content-Type: application/json`") from None
        except (ValueError, RecursionError):
            # A UnicodeEncodeError is a ValueError.
            raise ValueError("it holds half a character, a number that is none, or far too many brackets") from None
        return value


class Error(BaseModel):
    """What went wrong: `reason` for machines, then what happened, what was changed, and what to do next."""

    reason: str
    what: str
    changed: str = ""
    next: str = ""


class Problem(BaseModel):
    """An answer that is no success."""

    error: Error


class Cursor(BaseModel):
    """Which part of a list: so many, behind the name `after`. What it does not know is refused, as in a body."""

    model_config = ConfigDict(extra="forbid")

    after: str = Field(default="", max_length=200, description="The `next` of the page before.")
    limit: int = Field(default=50, ge=1, le=1000)


class Page(BaseModel, Generic[Item]):
    """A part of a list. `next` is the `after` that asks for what follows; it is empty at the end."""

    items: list[Item]
    next: str = ""


def page(items: Sequence[tuple[str, Item]], most: int) -> Page[Item]:
    """The first `most` of items, each with its name; one more than that tells that there are more."""
    whole = len(items) <= most
    return Page(items=[item for _, item in items[:most]], next="" if whole else items[most - 1][0])


class Done(BaseModel):
    """What a decision did, in a sentence."""

    incident: str
    done: str


class StartedIncident(BaseModel):
    """An incident that was started, or joined because it ran already."""

    incident: str
    joined: bool
    plan: str


#: For the document: what any call may answer.
PROBLEMS: dict[int | str, dict[str, object]] = {
    code: {"model": Problem, "description": words}
    for code, words in (
        (400, "What was asked for does not exist or does not fit."),
        (401, "Nobody is known by this token."),
        (403, "The token lacks a scope."),
        (409, "A rule or the incident's state forbids it."),
        (503, "Temporal or its worker does not answer."),
    )
}


async def told(request: Request, error: Exception) -> JSONResponse:
    """An error of firedoor's as an answer."""
    if not isinstance(error, FiredoorError):
        raise error
    return problem(error, next(code for kind, code in STATUS if isinstance(error, kind)))


def problem(error: FiredoorError, code: int) -> JSONResponse:
    """An error with its sentences, under a status."""
    what, changed, what_next = map(_whole, (error.what, error.changed, error.next))
    body = Problem(error=Error(reason=error.reason, what=what, changed=changed, next=what_next))
    headers = {"WWW-Authenticate": "Bearer"} if code == status.HTTP_401_UNAUTHORIZED else None
    return JSONResponse(body.model_dump(), code, headers)


def _whole(text: str) -> str:
    """The text without halves of characters, which may have come with the request."""
    return text.encode(errors="replace").decode()


async def misfit(request: Request, error: Exception) -> JSONResponse:
    """A request that does not fit its description, without repeating what it held."""
    if not isinstance(error, RequestValidationError):
        raise error
    said = "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()[:5])
    wrong = UsageError(
        f"The request does not fit: {said}.",
        changed="Nothing was changed.",
        next="/api/v1/openapi.json describes every call.",
    )
    return await told(request, wrong)
