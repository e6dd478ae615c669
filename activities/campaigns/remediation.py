"""`customers.measure`: how far the customers of a campaign are, as a step."""

import asyncio

from activities._action import Context, performs
from activities.campaigns.measure import measure as measured
from firedoor.campaign import Standing, Work
from firedoor.errors import FiredoorError, StepError
from firedoor.incident import Evidence, Outcome
from firedoor.steps.campaigns import Measure, Remediation


@performs(Measure)
def measure(step: Measure, context: Context) -> Outcome:
    """One round over the campaign. It blocks its thread; the heartbeats are the interceptor's."""
    work = Work(campaign=step.campaign, incident=context.call.incident, step=context.call.step)
    with context.clients.outbox() as outbox:
        try:
            standing = asyncio.run(measured(work, outbox, context.clients, fresh=0))
        except StepError:
            raise
        except FiredoorError as error:
            raise StepError("not_found", error.what, changed=error.changed, next=error.next) from None
    return Outcome(
        summary=f"{standing.sentence()}.",
        result=_result(standing).model_dump(mode="json"),
        evidence=(Evidence(source="outbox", says=f"{standing.remediated} of {standing.customers} remediated"),),
    )


def _result(standing: Standing) -> Remediation:
    return Remediation(
        campaign=standing.campaign,
        customers=standing.customers,
        reached=standing.reached,
        acknowledged=standing.acknowledged,
        remediated=standing.remediated,
        holding=standing.holding,
        tasks=standing.tasks,
        providers={name: one.total - one.remediated for name, one in standing.providers.items()},
    )
