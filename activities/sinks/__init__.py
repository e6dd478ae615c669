"""The sinks' modules, by scheme. Adding one: one line here, one in `firedoor/sinks`."""

from activities.sinks import aws_sm, braintrust
from activities.sinks._sink import SinkModule

SINKS: dict[str, SinkModule] = {"aws-sm": aws_sm, "braintrust": braintrust}
