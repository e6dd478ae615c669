"""Every drill, by name. Adding one: a module with a `Scenario`, and a line here."""

from firedoor.drill.aws_access_key_leaked import AwsAccessKeyLeaked
from firedoor.drill.provider_key_leaked import ProviderKeyLeaked
from firedoor.drill.scenario import Scenario

SCENARIOS: dict[str, type[Scenario]] = {scenario.name: scenario for scenario in (AwsAccessKeyLeaked, ProviderKeyLeaked)}
