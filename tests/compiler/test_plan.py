"""What a runbook becomes."""

from pathlib import Path
from textwrap import dedent

import pytest

from firedoor.app import shipped_runbooks
from firedoor.compiler import compile_runbook
from firedoor.plan import Ask, Effect, Field, Input, Loop, OnError, Policy, Retry, Trigger, Until
from tests.compiling import check_compiles, steps

EVERYTHING = """
    name: everything
    title: All of the language
    description: For tests
    severity: critical
    mode: rotation
    inputs:
      owner: {type: string, pattern: '[a-z]+', description: Whose}
      most: {type: integer, default: 3}
      dry: {type: boolean, default: false}
      tags: {type: list, default: [a, b]}
    identity: [owner]
    triggers:
      - alert: guardduty
        when: alert.severity >= 7.0 && !alert.sample
        inputs: {owner: '${{ alert.user_name }}', most: 5}
      - slack: leak
    approvals:
      security: {from: ['role:security', 'user:ada@example.com'], count: 2, expires: 30m}
      anyone: {from: ['slack:@all'], self: true}
    steps:
      done:
        needs: [gate]
        if: steps.find.state == "done"
        wait: 36h
      find:
        title: Look
        uses: test.search
        with: {query: leak, limit: '${{ inputs.most }}', tags: '${{ inputs.tags }}'}
        until: steps.find.count == 0
        every: 30s
        within: 2h
        retry: {attempts: 2, interval: 5s}
        timeout: 5m
      revoke:
        for_each: ${{ steps.find.tokens.filter(token, token.uses > 0) }}
        as: token
        concurrency: 20
        on_error: continue
        uses: test.revoke
        with: {id: '${{ token.provider }}/${{ token.id }}'}
        approval: security
      gate:
        if: size(steps.revoke.failed) == 0 && steps.healthy.ok && steps.healthy.note == null
        approval: anyone
      healthy:
        ask:
          prompt: Is ${{ inputs.owner }} healthy after ${{ steps.revoke.succeeded }}?
          of: security
          fields:
            ok: {type: boolean, description: Well?}
            note: {type: string, required: false, choices: ['yes', 'no']}
"""


def test_everything_of_the_language() -> None:
    """Every key of the language reaches the plan."""
    plan = check_compiles(EVERYTHING)
    assert (plan.name, plan.title, plan.description) == ("everything", "All of the language", "For tests")
    assert (plan.severity, plan.mode, plan.identity) == ("critical", "rotation", ("owner",))
    assert plan.inputs == {
        "owner": Input(type="string", pattern="[a-z]+", description="Whose"),
        "most": Input(type="integer", default=3, required=False),
        "dry": Input(type="boolean", default=False, required=False),
        "tags": Input(type="list", default=["a", "b"], required=False),
    }
    when = "alert.severity >= 7.0 && !alert.sample"
    assert plan.triggers == (
        Trigger(alert="guardduty", when=when, inputs={"owner": "${{ alert.user_name }}", "most": 5}),
        Trigger(slack="leak"),
    )
    assert plan.policies == {
        "security": Policy(sources=("role:security", "user:ada@example.com"), count=2, expires=1800),
        "anyone": Policy(sources=("slack:@all",), allow_self=True),
    }


def test_each_kind_of_step() -> None:
    """A step of each kind has what the workflow needs to run it."""
    planned = {step.id: step for step in check_compiles(EVERYTHING).steps}
    find, revoke, healthy, gate, done = (planned[name] for name in ("find", "revoke", "healthy", "gate", "done"))
    assert (find.kind, find.action, find.effect, find.containment) == ("uses", "test.search", Effect.READ, False)
    assert find.arguments == {"query": "leak", "limit": "${{ inputs.most }}", "tags": "${{ inputs.tags }}"}
    assert find.until == Until(expression="steps.find.count == 0", every=30, within=7200)
    assert find.retry == Retry(attempts=2, interval=5, backoff=2, ceiling=30)
    assert (find.title, find.timeout) == ("Look", 300)
    items = "steps.find.tokens.filter(token, token.uses > 0)"
    assert revoke.loop == Loop(items=items, name="token", concurrency=20, on_error=OnError.CONTINUE)
    assert (revoke.containment, revoke.approval) == (True, "security")
    assert healthy.ask == Ask(
        prompt="Is ${{ inputs.owner }} healthy after ${{ steps.revoke.succeeded }}?",
        of="security",
        fields={
            "ok": Field(type="boolean", description="Well?"),
            "note": Field(type="string", required=False, choices=("yes", "no")),
        },
    )
    assert (gate.kind, gate.approval) == ("approval", "anyone")
    assert (done.kind, done.wait, done.condition) == ("wait", 129600, 'steps.find.state == "done"')


def test_needs_are_what_is_named_and_what_is_mentioned() -> None:
    """A step waits for what it names and reads; whose state alone it reads need not have run."""
    planned = {step.id: step for step in check_compiles(EVERYTHING).steps}
    found = {name: (step.needs, step.mentions) for name, step in planned.items()}
    assert found == {
        "find": ((), ()),
        "revoke": (("find",), ("find",)),
        "healthy": (("revoke",), ("revoke",)),
        "gate": (("revoke", "healthy"), ("revoke", "healthy")),
        "done": (("find", "gate"), ()),
    }


def test_each_step_comes_after_what_it_needs() -> None:
    """Otherwise the order is that of the file."""
    assert [step.id for step in check_compiles(EVERYTHING).steps] == ["find", "revoke", "healthy", "gate", "done"]


def test_defaults_come_from_the_contract() -> None:
    """Retry and time-out are the action's own where the runbook says nothing."""
    (find,) = check_compiles(steps()).steps
    assert (find.retry.attempts, find.timeout) == (7, 90)


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("30s", 30), ("5m", 300), ("2h", 7200), ("36h", 129600), ("1d", 86400), ("365d", 31536000)],
)
def test_durations(duration: str, seconds: int) -> None:
    """Durations are seconds in the plan."""
    assert check_compiles(steps(f"a: {{wait: {duration}}}")).steps[-1].wait == seconds


def test_results_are_collected_where_they_are_read() -> None:
    """Only a loop whose single results are read sends them back."""
    loop = "for_each: '${{ steps.find.tokens }}', as: t, uses: test.revoke, with: {id: '${{ t.id }}'}"
    text = steps(f"a: {{{loop}}}", f"b: {{{loop}}}", "c: {if: 'size(steps.b.results) > 1', wait: 1m}")
    loops = {step.id: step.loop.collect for step in check_compiles(text).steps if step.loop}
    assert loops == {"a": False, "b": True}


def test_a_list_that_is_written_out() -> None:
    """A `for_each` over literals is CEL in the plan, whatever the texts hold."""
    text = steps("a: {for_each: [a, 'b \"c\" ü'], as: t, uses: test.revoke, with: {id: '${{ t }}'}}")
    loop = check_compiles(text).steps[-1].loop
    assert loop is not None
    assert loop.items == '["a", "b \\"c\\" ü"]'


def test_structures_and_references_as_arguments() -> None:
    """Objects, lists of them, mappings and references to secrets pass from results to arguments."""
    rotate = "token: '${{ steps.find.best }}', tokens: '${{ steps.find.tokens }}', labels: '${{ steps.find.labels }}'"
    check_compiles(
        steps(
            f"a: {{uses: test.rotate, with: {{{rotate}}}}}",
            "b: {uses: test.rotate, with: {token: {provider: x, id: '${{ steps.find.owner }}'}}}",
            "c: {uses: test.store, with: {source: '${{ steps.find.where }}'}}",
            "d: {uses: test.store, with: {source: 'vault:x', name: 'n ${{ steps.find.count }} ${{ steps.find.live }}'}}",
        )
    )


def test_the_digest_is_of_the_meaning() -> None:
    """A comment changes the digest of the runbook's text only, an argument that of the plan as well."""
    plan, same = check_compiles(steps()), check_compiles("# comment\n" + steps())
    assert plan.runbook_sha256 != same.runbook_sha256
    assert plan.steps == same.steps
    assert plan.digest() != check_compiles(steps().replace("leak", "peak")).digest()
    assert len(plan.digest()) == 64


def test_yaml_is_1_2() -> None:
    """Words and times that YAML 1.1 would change stay as written."""
    text = steps("a: {uses: test.revoke, with: {id: no}}", "b: {uses: test.revoke, with: {id: 12:30:00}}")
    assert [step.arguments.get("id") for step in check_compiles(text).steps[1:]] == ["no", "12:30:00"]


def test_anchors_and_aliases() -> None:
    """A value can be written once and used twice."""
    text = steps("a: &a {uses: test.revoke, with: {id: x}}", "b: *a")
    assert [step.action for step in check_compiles(text).steps[1:]] == ["test.revoke", "test.revoke"]


@pytest.mark.parametrize("path", shipped_runbooks(), ids=lambda path: path.stem)
def test_shipped_runbooks_compile(path: Path) -> None:
    """What ships is right, and is called like its file."""
    assert compile_runbook(path).name == path.stem


@pytest.mark.parametrize("mode", ["rotation", "breach"])
def test_a_rotation_follows_the_runbooks_mode_unless_it_says_its_own(mode: str) -> None:
    """What the plan holds is explicit: nobody has to know which default stood where."""
    text = f"""
        name: routine
        mode: {mode}
        steps:
          one: {{uses: credential.rotate, with: {{credential: {{provider: openai, id: key_1}}, into: ['aws-sm:x'] }}}}
          two: {{uses: credential.rotate, with: {{credential: {{provider: openai, id: key_2}}, mode: breach}}}}
    """
    plan = compile_runbook(dedent(text))
    assert [step.arguments["mode"] for step in plan.steps] == [mode, "breach"]
