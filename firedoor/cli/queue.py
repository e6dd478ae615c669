"""Who works: the workers that ask Temporal for the work of this installation, and the build that gets it."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import TaskQueueType, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client

RPC_TIMEOUT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Queue:
    """Who asked for the work of a task queue in the last minutes, by their identities.

    `working` get it. `idle` do not: they are of another build than `current`, Temporal's current one (the deployment
    and its build, empty for workers without a build). `builds` are all that were seen.
    """

    working: tuple[str, ...]
    idle: tuple[str, ...]
    builds: frozenset[str]
    deployment: str
    current: str


async def queue(client: Client, name: str, *, bulk: bool = False) -> Queue:
    """Who serves a task queue; with `bulk` one that has no workflows. Raises `RPCError`."""
    kind = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY if bulk else TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=name), task_queue_type=kind
    )
    answer = await client.workflow_service.describe_task_queue(request, timeout=RPC_TIMEOUT)
    current: WorkerDeploymentVersion = answer.versioning_info.current_deployment_version
    working = {one.identity for one in answer.pollers if _build(one) == (current.deployment_name, current.build_id)}
    return Queue(
        working=tuple(sorted(working)),
        idle=tuple(sorted({one.identity for one in answer.pollers} - working)),
        builds=frozenset(_build(one)[1] for one in answer.pollers),
        deployment=current.deployment_name,
        current=current.build_id,
    )


async def workers(client: Client, name: str) -> list[str]:
    """The identities of the workers that get the workflows of a task queue. Raises `RPCError`."""
    return list((await queue(client, name)).working)


async def promote(client: Client, deployment: str, build: str) -> None:
    """Let the workers of a build have all work from now on: new incidents, and those that run. Raises `RPCError`.

    Temporal must have seen a worker of it already.
    """
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace, deployment_name=deployment, build_id=build, identity=client.identity
    )
    await client.workflow_service.set_worker_deployment_current_version(request, timeout=RPC_TIMEOUT)


def _build(poller: PollerInfo) -> tuple[str, str]:
    """Deployment and build of a worker; empty for one that is not versioned."""
    options = poller.deployment_options
    if options.worker_versioning_mode != WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED:
        return "", ""
    return options.deployment_name, options.build_id
