"""Perform one action on one target: the same for every step, so that no step author can leave a part out.

A read is recorded as intent, then done. A change first says what it would do; that preview becomes the intent, durable
before the change goes on (docs/adr/0002). In plan mode a change stops there, and nothing can write.
"""

import asyncio
import contextvars
import datetime
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Executor
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from temporalio import activity

from activities._action import Action, Context
from activities._clients import Clients
from activities._guard import MAY_CHANGE
from activities.aws.permissions import with_permissions
from firedoor.errors import StepError
from firedoor.incident import Call, Mode, Outcome, Preview, Report, Target
from firedoor.plan import Effect
from firedoor.steps._step import Step
from firedoor.timeline.store import Timeline


class Recorder(Protocol):
    """What the recording interceptor lends to one performance."""

    target: Target
    earlier: Preview | None
    since: datetime.datetime | None
    begun: Preview | None

    @property
    def run(self) -> str:
        """The run of the incident, for tokens that no other run uses."""
        ...

    @property
    def timeline(self) -> Timeline:
        """The timeline, for steps that read it."""
        ...

    async def intent(self, preview: Preview | None) -> None:
        """Make the intent durable. Raises `StepError` (`record_failed`) if it cannot: then the action must not run."""


T = TypeVar("T")

#: Set by the recording interceptor. Without it nothing is performed: no action without a record.
RECORDER: ContextVar[Recorder] = ContextVar("recorder")


@dataclass(frozen=True, slots=True)
class Performer:
    """The activity of one action."""

    action: Action
    clients: Clients
    threads: Executor

    async def __call__(self, call: Call) -> Report:
        """Perform the recorder's target, which is one of `call`'s. Raises `StepError`."""
        recorder = RECORDER.get()
        step = self._arguments(recorder.target)
        context = Context(
            clients=self.clients,
            call=call,
            target=recorder.target,
            earlier=recorder.earlier,
            since=recorder.since,
            begun=recorder.begun,
            run=recorder.run,
            timeline=recorder.timeline,
        )
        if self.action.contract.effect is Effect.READ:
            await recorder.intent(None)
            return Report(outcome=await self._read(step, context))
        return Report(outcome=await self._change(step, context, recorder))

    def _arguments(self, target: Target) -> Step:
        try:
            return self.action.contract.model_validate(target.arguments)
        except ValidationError as error:
            problems = "; ".join(_problem(one) for one in error.errors())
            raise StepError(
                "invalid_arguments", f"{self.action.contract.action} was given arguments that do not fit: {problems}."
            ) from None

    async def _read(self, step: Step, context: Context) -> Outcome:
        function: Callable[..., Any] = self.action.function
        if inspect.iscoroutinefunction(function):
            outcome: Outcome = await function(step, context)
            return outcome
        return await self._in_thread(function, step, context)

    async def _change(self, step: Step, context: Context, recorder: Recorder) -> Outcome:
        stages = self._stages(step, context)
        try:
            preview = await anext(stages)
            if not isinstance(preview, Preview):
                raise TypeError(f"{self.action.contract.action} acted before it said what it would do")
            if context.call.mode is Mode.PLAN:
                preview = await self._in_thread(with_permissions, preview, step, self.clients.aws)
                return Outcome(summary=preview.change, preview=preview, before=preview.before)
            self._refuse_another_change(recorder, preview)
            await recorder.intent(preview)
            outcome = await self._act(stages)
        finally:
            await stages.aclose()
        before = (context.earlier or preview).before
        return outcome.model_copy(update={"before": before}) if before else outcome

    async def _act(self, stages: AsyncGenerator[Preview | Outcome, None]) -> Outcome:
        token = MAY_CHANGE.set(True)
        try:
            outcome = await anext(stages)
        finally:
            MAY_CHANGE.reset(token)
        if not isinstance(outcome, Outcome):
            raise TypeError(f"{self.action.contract.action} yielded no outcome")
        return outcome

    def _refuse_another_change(self, recorder: Recorder, preview: Preview) -> None:
        """People approved what they were shown: raise `approval_void` if it would be another change by now.

        A change in doubt was compared before its intent was recorded, and may look different because it was made.
        """
        target = recorder.target
        if not target.approved or recorder.earlier is not None:
            return
        if preview.digest(self.action.contract.action, target.arguments) != target.approved:
            raise StepError(
                "approval_void",
                f"{target.name} is not as it was when the change was approved. It would be now: {preview.change}.",
                next="It is asked again, with what it would change now.",
            )

    def _stages(self, step: Step, context: Context) -> AsyncGenerator[Preview | Outcome, None]:
        function: Callable[..., Any] = self.action.function
        if inspect.isasyncgenfunction(function):
            stages: AsyncGenerator[Preview | Outcome, None] = function(step, context)
            return stages
        return self._threaded(function(step, context))

    async def _threaded(self, stages: Iterator[Preview | Outcome]) -> AsyncGenerator[Preview | Outcome, None]:
        """The stages of a sync change, each run in a thread."""
        while (stage := await self._in_thread(_following, stages)) is not None:
            yield stage

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call it in a thread that knows whether changes may be made."""
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, lambda: context.run(function, *arguments))


def _problem(detail: ErrorDetails) -> str:
    """What is wrong with an argument; where no single one is, how they do not go together."""
    says = detail["msg"].removeprefix("Value error, ")
    return f"{'.'.join(map(str, detail['loc']))}: {says}" if detail["loc"] else says


def _following(stages: Iterator[Preview | Outcome]) -> Preview | Outcome | None:
    return next(stages, None)


Perform = Callable[[Call], Coroutine[Any, Any, Report]]


def definitions(actions: Sequence[Action], clients: Clients, threads: Executor) -> list[Perform]:
    """The Temporal activities of `actions`, each under its action's name."""
    return [_definition(Performer(action, clients, threads)) for action in actions]


def _definition(performer: Performer) -> Perform:
    @activity.defn(name=performer.action.contract.action)
    async def perform(call: Call) -> Report:
        return await performer(call)

    return perform
