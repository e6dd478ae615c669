"""The sinks' modules, by scheme. Adding one: one line here, one in `firedoor/sinks`."""

from activities.sinks import aws_sm, aws_ssm, braintrust, doppler, vault
from activities.sinks._sink import SinkModule

SINKS: dict[str, SinkModule] = {
    "aws-sm": aws_sm,
    "aws-ssm": aws_ssm,
    "braintrust": braintrust,
    "doppler": doppler,
    "vault": vault,
}
