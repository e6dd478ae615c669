"""What `alert_to_first_action` is measured against: the least that starts a workflow for an alert, safely.

Starlette on uvicorn, as a process of its own: `python -m benchmarks.starter PORT`. It verifies GitHub's signature,
takes the alert's name from the body, starts a workflow under that name with Temporal's own deduplication, and answers
202. It stores nothing, matches nothing, counts nothing: while Temporal does not answer, its alerts are lost.
"""

import hashlib
import hmac
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from benchmarks import baseline
from benchmarks.doorway import DOOR, VARIABLE
from firedoor.config import load
from firedoor.engine import connect

QUEUE = "by-hand"


def application(secret: bytes) -> Starlette:
    """The application, with the door's secret."""
    clients: list[Client] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        clients.append(await connect(load()))
        yield

    async def deliver(request: Request) -> Response:
        body = await request.body()
        signature = f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"
        if not hmac.compare_digest(signature, request.headers.get("x-hub-signature-256", "")):
            return Response(status_code=401)
        delivery = json.loads(body)
        name = f"by-hand-{delivery['repository']['full_name']}-{delivery['alert']['number']}"
        await clients[0].start_workflow(
            baseline.Sequential.run,
            args=[1, 1],
            id=name,
            task_queue=QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        return JSONResponse({"id": name}, 202)

    return Starlette(routes=[Route(DOOR, deliver, methods=["POST"])], lifespan=lifespan)


if __name__ == "__main__":
    SECRET = load().secret_environment[VARIABLE]
    uvicorn.run(application(SECRET.encode()), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
