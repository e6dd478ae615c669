"""A secret in a form: whose it is, where it goes, and what expressions can read of the answer."""

import pytest

from firedoor.plan import Ask, Field
from tests.compiling import check_compiles, check_rejected, steps

HEAD = "name: test\ninputs: {sinks: {type: list, default: []}, n: {type: integer, default: 1}}"
KEY = "{type: secret, provider: openai, kind: user_key, scope: '${{ inputs.sinks[0] }}', into: ['aws-sm:gateway/key']}"
ASK = f"a: {{ask: {{prompt: x, fields: {{k: {KEY}}}}}}}"


def asks(field: str) -> str:
    """A runbook that asks for one field, in its seventh line; the field begins in column 33."""
    return steps(f"a: {{ask: {{prompt: x, fields: {{k: {field}}}}}}}", head=HEAD)


def test_it_reaches_the_plan() -> None:
    """Provider, kind, scope and places, with their expressions; and the steps that these read come first."""
    into = "['aws-sm:x', '${{ inputs.sinks }}', 'aws-sm:${{ steps.find.count }}']"
    plan = check_compiles(asks(f"{{type: secret, provider: openai, into: {into}, required: false, description: New}}"))
    step = plan.steps[-1]
    places = ("aws-sm:x", "${{ inputs.sinks }}", "aws-sm:${{ steps.find.count }}")
    field = Field(type="secret", description="New", required=False, provider="openai", into=places)
    assert step.ask == Ask(prompt="x", fields={"k": field})
    assert step.mentions == ("find",)


def test_plans_of_before_keep_their_digest() -> None:
    """A form without secrets is dumped as it was before there were any."""
    plan = check_compiles(asks("{type: boolean}"))
    assert plan.model_dump(mode="json")["steps"][-1]["ask"]["fields"]["k"] == {
        "type": "boolean",
        "description": "",
        "required": True,
        "choices": [],
    }


@pytest.mark.parametrize(
    "condition",
    ["steps.a.k.fingerprint == 'x'", "steps.a.k.provider == 'openai'", "steps.a.k == null || steps.a.by == 'x'"],
)
def test_expressions_read_the_credential(condition: str) -> None:
    """Its fields are those of a credential: none is the value."""
    check_compiles(steps(ASK, f'b: {{wait: 1s, if: "{condition}"}}', head=HEAD))


def test_where_it_is_goes_where_a_reference_goes() -> None:
    """Into another secret's places, and into arguments that take one; into no text."""
    again = "b: {ask: {prompt: x, fields: {k: {type: secret, provider: openai, into: ['${{ steps.a.k.where }}']}}}}"
    store = "c: {uses: test.store, with: {source: '${{ steps.a.k.where }}'}}"
    check_compiles(steps(ASK, again, store, head=HEAD))
    shown = "b: {ask: {prompt: 'x ${{ steps.a.k.where }}', fields: {n: {type: string}}}}"
    check_rejected(steps(ASK, shown, head=HEAD), "6:28", "secret-in-plain", "a reference to a secret")


@pytest.mark.parametrize(
    ("field", "column", "code", "says", "allowed"),
    [
        ("{type: secret, into: ['aws-sm:x']}", 33, "missing-key", "needs `provider`", "provider: anthropic"),
        ("{type: secret, provider: openai}", 33, "missing-key", "needs `into`", "into: ['aws-sm:NAME']"),
        ("{type: secret, provider: opnai, into: ['aws-sm:x']}", 61, "bad-value", "no provider `opnai`", "`openai`"),
        ("{type: secret, provider: openai, kind: z, into: ['aws-sm:x']}", 75, "bad-value", "the kind `z`", "user_key"),
        ("{type: secret, provider: openai, into: ['aws-s:x']}", 76, "bad-value", "names no place", "aws-sm:NAME"),
        (
            "{type: secret, provider: openai, into: ['${{ inputs.n }}']}",
            81,
            "wrong-argument",
            "a whole number",
            "aws-sm",
        ),
        ("{type: secret, provider: openai, into: ['aws-sm:${{ inputs.sinks }}']}", 88, "wrong-argument", "a list", ""),
        ("{type: secret, provider: openai, into: ['${{ inputs.m }}']}", 81, "unknown-input", "`m`", "n"),
        (
            "{type: secret, provider: openai, into: ['aws-sm:x'], choices: [a]}",
            89,
            "misplaced-key",
            "Only a string",
            "",
        ),
        ("{type: string, into: ['aws-sm:x']}", 51, "misplaced-key", "Only a secret has `into`", "type: secret"),
        ("{type: boolean, provider: ''}", 52, "misplaced-key", "Only a secret has `provider`", "type: secret"),
    ],
)
def test_mistakes(field: str, column: int, code: str, says: str, allowed: str) -> None:
    """Each at its place, with what is right instead."""
    check_rejected(asks(field), f"5:{column}", code, says, allowed)
