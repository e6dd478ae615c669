"""Who works: the workers that ask Temporal for the work of this installation."""

from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

RPC_TIMEOUT = timedelta(seconds=5)


async def workers(client: Client, name: str) -> list[str]:
    """The identities of the workers that polled the task queue in the last minutes. Raises `RPCError`."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=name),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    answer = await client.workflow_service.describe_task_queue(request, timeout=RPC_TIMEOUT)
    return sorted({poller.identity for poller in answer.pollers})
