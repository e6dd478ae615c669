"""Every drill, by name. Adding one: a module with a `Scenario`, and a line here."""

from firedoor.drill.ai_gateway_breached import AiGatewayBreached
from firedoor.drill.ai_vendor_breached import AiVendorBreached
from firedoor.drill.aws_access_key_leaked import AwsAccessKeyLeaked
from firedoor.drill.aws_account_breached import AwsAccountBreached
from firedoor.drill.github_token_leaked import GitHubTokenLeaked
from firedoor.drill.provider_key_leaked import ProviderKeyLeaked
from firedoor.drill.rotate_everything import RotateEverything
from firedoor.drill.scenario import Scenario

_ALL = (
    AiGatewayBreached,
    AiVendorBreached,
    AwsAccessKeyLeaked,
    AwsAccountBreached,
    GitHubTokenLeaked,
    ProviderKeyLeaked,
    RotateEverything,
)

SCENARIOS: dict[str, type[Scenario]] = {scenario.name: scenario for scenario in _ALL}
