"""The sinks' modules, by scheme. Adding one: one line here, one in `firedoor/sinks`."""

from activities.sinks import aws_sm, aws_ssm, braintrust, doppler, gcp_sm, github, k8s, vault
from activities.sinks._sink import SinkModule

SINKS: dict[str, SinkModule] = {
    "aws-sm": aws_sm,
    "aws-ssm": aws_ssm,
    "braintrust": braintrust,
    "doppler": doppler,
    "gcp-sm": gcp_sm,
    "github": github,
    "k8s": k8s,
    "vault": vault,
}
