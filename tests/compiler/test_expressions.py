"""Expressions are checked where they stand: types, names, fields, and what would not be the same everywhere."""

import pytest

from tests.compiling import check_compiles, check_rejected, steps

GOOD = [
    'steps.find.owner == "x"',
    "steps.find.nickname == null",
    "steps.find.nickname != null && steps.find.nickname.startsWith('a')",
    "steps.find.best.note == null || steps.find.best.uses > 2",
    "size(steps.find.tokens) > 0 && steps.find.tokens[0].provider == 'x'",
    "steps.find.tokens.exists(t, t.uses > 1 && t.note != null)",
    "steps.find.tags.filter(tag, tag.matches('^a+$')).size() == 1",
    "steps.find.labels['a'] == 'b' && 'a' in steps.find.labels",
    "steps.find.share > 0.5 && steps.find.live",
    "steps.find.state in ['done', 'skipped']",
    "steps.find.status == 'active' && incident.id.startsWith('test-')",
    "duration('1h') < duration('2h') && timestamp('2026-01-01T00:00:00Z') > timestamp('2025-01-01T00:00:00Z')",
    "{'a': 1}.a == 1 && {'a': 1}['a'] == 1",
    "true",
]

#: The expression, the offset of the mistake in it, the code, words, words of what is allowed.
BAD = [
    ("steps.fnd.owner == ''", 0, "unknown-step", "no step `fnd`", "did you mean `find`?"),
    ("steps.find.ownr == ''", 0, "unknown-field", "has no field `ownr`", "did you mean `owner`?"),
    ("true && steps.find.ownr == ''", 8, "unknown-field", "has no field `ownr`", "owner"),
    ("steps.find", 0, "unknown-field", "alone is no value", "owner"),
    ("steps['find'].live", 0, "unknown-name", "`steps` alone", "steps.NAME.FIELD"),
    ("steps.find.best.di == ''", 16, "unknown-field", "no field `di`", "id"),
    ("steps.find.tokens.exists(t, t.idd == '')", 30, "unknown-field", "no field `idd`", "did you mean `id`?"),
    ("steps.find.owner.x == ''", 16, "unknown-field", "no fields", ""),
    ("steps.find.verdict == ''", 0, "unknown-field", "no field `verdict`", ""),
    ("find.live", 0, "unknown-name", "no `find` here", "did you mean `steps.find`?"),
    ("key == ''", 0, "unknown-name", "no `key` here", "did you mean `inputs.key`?"),
    ("steps.find.owner == foo", 20, "unknown-name", "no `foo` here", "texts go in quotes"),
    ("inputs.kye == ''", 0, "unknown-input", "no input `kye`", "did you mean `key`?"),
    ("incident.name == ''", 0, "unknown-field", "no field `name`", "runbook"),
    ("alert.severity > 7.0", 0, "unknown-name", "in `triggers` only", "an input"),
    ("steps.find.count", 0, "expression-type", "a whole number", ""),
    ("has(steps.find.owner)", 0, "expression-type", "true or false", "steps.NAME.state"),
    ("steps.find.count > '1'", 17, "expression-type", "`>` does not go with (whole number, text)", ""),
    ("steps.find.count > 1.5", 17, "expression-type", "`>`", "7.0"),
    ("steps.find.owner + 1 == ''", 17, "expression-type", "`+`", "string(…)"),
    ("steps.find.live ? 1 : ''", 16, "expression-type", "`? :`", ""),
    ("upper(steps.find.owner) == ''", 0, "bad-expression", "no function `upper`", ""),
    ("steps.find.owner.startswith('a')", 17, "bad-expression", "no function `startswith`", "did you mean `startsWith`?"),
    ("steps.find.owner = 'x'", 17, "bad-expression", "does not compile", "`==` compares"),
    ("steps.find.live and true", 16, "bad-expression", "does not compile", "&&"),
    ("steps.find.live &&", 17, "bad-expression", "ends too early", ""),
    ("(" * 40 + "true" + ")" * 40, 0, "bad-expression", "does not compile", ""),
    ("${{ steps.find.live }}", -1, "misplaced-expression", "bare expression", "remove"),
    ("", 0, "bad-expression", "no expression here", ""),
    ("steps.find.labels.exists(k, k == 'a')", 10, "map-order", "a mapping", "a list"),
    ("dyn(steps.find.tags).exists(k, k == 'a')", 3, "map-order", "could be, a mapping", "a list"),
    ("steps.find.count.exists(k, k == 'a')", 10, "expression-type", "not a list", ""),
    ("steps.find.owner.matches('(?=a)')", 25, "bad-pattern", "not RE2", ""),
    ("firedoor.Token{id: 'a'}.id == 'a'", 0, "bad-expression", "cannot be built", "a map"),
    ("steps.find.where == 'x'", 17, "secret-in-plain", "a reference to a secret", ""),
]  # fmt: skip

HEAD = "name: test\ninputs: {key: {type: string}}"

#: A use of `find` in an argument, and what is wrong with it; the argument begins in column 37.
ARGUMENTS = [
    ("'${{ steps.find.count }}'", 42, "wrong-argument", "a whole number; `id` takes a text", "string(…)"),
    ("'${{ steps.find.tokens }}'", 42, "wrong-argument", "a list of Token", ""),
    ("'${{ steps.find.best }}'", 42, "wrong-argument", "one Token", ""),
    ("'n ${{ steps.find.tokens }}'", 44, "wrong-argument", "cannot be put into a text", "size(…)"),
    ("'${{ steps.find.where }}'", 42, "secret-in-plain", "`id` takes a text", "references"),
    ("'n ${{ steps.find.where }}'", 44, "secret-in-plain", "a reference to a secret", "references"),
    ("'${{ steps.find.owner'", 37, "misplaced-expression", "never closed", "${{ expression }}"),
    ("'${{ steps.find.ownr }} ${{ steps.find.owner }}'", 42, "unknown-field", "`ownr`", "owner"),
    ("'${{ steps.find.owner }} ${{ steps.find.ownr }}'", 66, "unknown-field", "`ownr`", "owner"),
    ("'${{ steps.a.id }}'", 3, "cycle", "reads its own result", "`until`"),
    ("'${{ t }}'", 42, "unknown-name", "no `t` here", ""),
]  # fmt: skip


@pytest.mark.parametrize("source", GOOD)
def test_what_compiles(source: str) -> None:
    """Comparisons, comprehensions over lists, nullable fields, mappings by key, times."""
    check_compiles(steps("a:", "  if: |-", f"    {source}", "  wait: 1m", head=HEAD))


@pytest.mark.parametrize(("source", "offset", "code", "says", "allowed"), BAD, ids=[case[0] for case in BAD])
def test_what_does_not(source: str, offset: int, code: str, says: str, allowed: str) -> None:
    """The place is that of the character in the expression, whatever stands around it."""
    text = steps("a:", '  if: "' + source + '"', "  wait: 1m", head=HEAD)
    check_rejected(text, f"6:{10 + offset}", code, says, allowed)


@pytest.mark.parametrize(("value", "column", "code", "says", "allowed"), ARGUMENTS, ids=[case[0] for case in ARGUMENTS])
def test_arguments(value: str, column: int, code: str, says: str, allowed: str) -> None:
    """An expression in an argument must have the argument's type."""
    check_rejected(steps(f"a: {{uses: test.revoke, with: {{id: {value}}}}}"), f"4:{column}", code, says, allowed)


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (("if: steps.find.ownr == ''",), "5:9"),
        (("if: 'steps.find.owner == ''x'' && steps.find.ownr == '''''",), "5:39"),
        (('if: "steps.find.owner == \\"x\\" && steps.find.ownr == \'\'"',), "5:39"),
        (("if: |", "  steps.find.live &&", "    steps.find.ownr == ''"), "7:9"),
        (("if: >-", "  steps.find.live", "  && steps.find.ownr == ''"), "7:10"),
        (("if: steps.find.live", "  && steps.find.ownr == ''"), "6:10"),
        (('if: "steps.find.live \\', "  && steps.find.ownr == ''\""), "6:10"),
        (('if: \'steps.find.owner == "üä😀" && steps.find.ownr == ""\'',), "5:39"),
    ],
)
def test_places_in_every_style_of_yaml(lines: tuple[str, ...], place: str) -> None:
    """The caret stands under the name, also in quotes, behind escapes, and in folded lines."""
    text = steps("a:", *(f"  {line}" for line in (*lines, "wait: 1m")))
    found = check_rejected(text, place, "unknown-field", "`ownr`", "owner")
    assert found.source[found.column - 1 : found.end_column - 1] == "steps.find.ownr"


def test_the_element_of_a_loop() -> None:
    """It has the type of the list's members, and is known in `with` only."""
    loop = "a: {{for_each: '${{{{ steps.find.tokens }}}}', as: t, uses: test.revoke, with: {{id: '${{{{ {0} }}}}'}}}}"
    check_compiles(steps(loop.format("t.id")))
    check_rejected(steps(loop.format("t.idd")), "4:89", "unknown-field", "no field `idd`", "did you mean `id`?")
    check_rejected(steps(loop.format("t")), "4:87", "wrong-argument", "one Token; `id` takes a text")
    text = steps("a: {for_each: [a], as: t, if: t == 'a', uses: test.revoke, with: {id: '${{ t }}'}}")
    check_rejected(text, "4:33", "unknown-name", "known in the `with` of that step only")
    text = steps("a: {for_each: '${{ steps.find.owner }}', as: t, uses: test.revoke, with: {id: '${{ t }}'}}")
    check_rejected(text, "4:17", "expression-type", "takes a list; this is a text")
    text = steps("a: {for_each: [1], as: t, uses: test.revoke, with: {id: '${{ t }}'}}")
    check_rejected(text, "4:64", "wrong-argument", "a whole number; `id` takes a text")


def test_the_fields_of_every_kind_of_step() -> None:
    """Loops return counts and failures, questions their answers and who gave them, children their verdict."""
    text = """
        name: test
        steps:
          find: {uses: test.search, with: {query: leak}}
          each: {for_each: '${{ steps.find.tags }}', as: t, uses: test.revoke, with: {id: '${{ t }}'}}
          one: {uses: test.revoke, with: {id: x}}
          form: {ask: {prompt: x, fields: {n: {type: integer}, s: {type: string, required: false}}}}
          kid: {run: kid}
          gate:
            if: >-
              steps.each.succeeded + size(steps.each.failed) == steps.each.total && steps.each.failed[0].reason == ''
              && steps.each.results[0].id == '' && steps.one.verdict == 'contained' && steps.form.n > 1
              && steps.form.s == null && steps.form.by == 'user:ada' && steps.kid.verdict != steps.kid.incident
              && steps.each.state == steps.kid.state
            wait: 1m
        """
    plan = check_compiles(text, {"kid": "name: kid\nsteps: {w: {wait: 1m}}"})
    assert plan.steps[-1].mentions == ("each", "one", "form", "kid")


def test_until_reads_its_own_result() -> None:
    """That is what it is for; it is no dependency on itself."""
    text = steps("a: {uses: test.search, with: {query: x}, until: steps.a.count == 0, every: 1s, within: 1m}")
    step = check_compiles(text).steps[-1]
    assert (step.needs, step.mentions) == ((), ())
