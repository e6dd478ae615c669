"""How long it takes to compile a runbook of 1,000 steps, in seconds. Aim: well under one."""

import time

from firedoor.compiler import compile_runbook

STEPS = 1_000
RUNS = 7

HEAD = """\
name: large
inputs: {access_key_id: {type: string, pattern: '^AKIA[A-Z0-9]{16}$'}}
identity: [access_key_id]
steps:
"""
#: Four kinds of steps in turn, each with expressions of its own and a dependency on the group before it.
GROUP = """\
  identify_{n}:
    uses: aws.iam.identify_access_key
    needs: [{before}]
    with: {{access_key_id: '${{{{ inputs.access_key_id }}}}'}}
  deactivate_{n}:
    if: steps.identify_{n}.kind == "long_term" && steps.identify_{n}.status != "status {n}"
    uses: aws.iam.deactivate_access_key
    with:
      access_key_id: ${{{{ inputs.access_key_id }}}}
      user_name: ${{{{ steps.identify_{n}.user_name }}}}
  siblings_{n}:
    for_each: ${{{{ steps.identify_{n}.siblings.filter(key, key.status == "Active") }}}}
    as: key
    uses: aws.iam.deactivate_access_key
    with: {{access_key_id: '${{{{ key.access_key_id }}}}', user_name: '${{{{ steps.identify_{n}.user_name }}}}'}}
  healthy_{n}:
    if: size(steps.siblings_{n}.failed) == 0
    ask:
      prompt: Is production healthy without ${{{{ steps.identify_{n}.user_name }}}} (group {n})?
      fields: {{healthy: {{type: boolean}}}}
"""


def runbook() -> str:
    """The text of the runbook: no two groups share an expression."""
    count = STEPS // 4
    groups = (GROUP.format(n=n, before=f"healthy_{n - 1}" if n else "") for n in range(count))
    return HEAD + "".join(groups)


def measure(runs: int = RUNS) -> list[float]:
    """Seconds of each compilation, from text to digest, the first one included."""
    text = runbook()
    return [_once(text) for _ in range(max(runs, 5))]


def _once(text: str) -> float:
    start = time.perf_counter()
    plan = compile_runbook(text)
    plan.digest()
    seconds = time.perf_counter() - start
    assert len(plan.steps) == STEPS, len(plan.steps)
    return seconds
