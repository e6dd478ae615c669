"""The plan that takes an incident's changes back: in reverse order, each read back, under the same approvals.

Pure. What there is to undo is read from the timeline when the plan runs: the inverse of each change was recorded before
the change was made (`Preview.inverse`).
"""

from collections.abc import Collection

from firedoor.plan import Effect, Loop, OnError, Plan, PlannedStep

#: Reads the inverses of what an incident changed (`firedoor.steps.timeline.RecordedChanges`).
READ_CHANGES = "timeline.recorded_changes"
RECORDED = "recorded"
WAIT = "until_then"
CHANGE = "change"


def undo_plan(plan: Plan, incident: str, steps: Collection[str] = (), *, after: int = 0, ask: bool = True) -> Plan:
    """The plan that undoes `steps` (all, if empty) of `incident`, which runs or ran `plan`.

    With `after` it waits that many seconds first. Without `ask` nobody has to approve: for a change that was approved
    as temporary. A step without a policy of its own is undone under the runbook's first one.
    """
    chosen = [step for step in plan.steps if undoable(step) and (not steps or step.id in steps)]
    first = [PlannedStep(id=WAIT, kind="wait", title="Until then", wait=after)] if after else []
    reading = PlannedStep(
        id=RECORDED,
        kind="uses",
        title="Read what was changed, and how it is taken back",
        action=READ_CHANGES,
        effect=Effect.READ,
        arguments={"incident": incident, "steps": [step.id for step in chosen]},
        needs=tuple(step.id for step in first),
    )
    planned = [*first, reading]
    for step in reversed(chosen):
        policy = (step.approval or next(iter(plan.policies), "")) if ask else ""
        planned.append(_taken_back(step, incident, policy, planned[-1].id))
    return plan.model_copy(
        update={
            "name": f"undo-{plan.name}",
            "title": f"Undo: {plan.title or plan.name}",
            "description": f"Takes back what {incident} changed, in reverse order.",
            "inputs": {},
            "identity": (),
            "triggers": (),
            # Doors are shut without an answer if the runbook says so; none is opened for want of one.
            "policies": {name: one.model_copy(update={"proceed": ""}) for name, one in plan.policies.items()},
            "steps": tuple(planned),
            "undoes": incident,
        }
    )


def undoable(step: PlannedStep) -> bool:
    """Can anything that the step does be taken back?"""
    if step.child:
        return any(undoable(one) for one in step.child.steps)
    return step.undo is not None


def _taken_back(step: PlannedStep, incident: str, policy: str, after: str) -> PlannedStep:
    """The step that takes `step` back, once `after` has ended."""
    title = f"Undo: {step.title or step.id}"
    if step.child or step.undo is None:
        child = step.child and undo_plan(step.child, f"{incident}.{step.id}")
        return PlannedStep(id=step.id, kind="run", title=title, child=child, needs=(after,))
    needs = (RECORDED,) if after == RECORDED else (RECORDED, after)
    items = f'steps.{RECORDED}.changes["{step.id}"]'
    return PlannedStep(
        id=step.id,
        kind="uses",
        title=title,
        action=step.undo.action,
        effect=step.undo.effect,
        needs=needs,
        mentions=(RECORDED,),
        condition=f"size({items}) > 0",
        approval=policy,
        loop=Loop(
            items=items,
            name=CHANGE,
            concurrency=step.loop.concurrency if step.loop else 1,
            on_error=OnError.ASK,
            spread=True,
        ),
        retry=step.undo.retry,
        timeout=step.undo.timeout,
        restores=True,
    )
