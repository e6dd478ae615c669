"""Every mistake has its place, its code, a sentence, and what is right instead."""

import pytest

from firedoor.runbook import EXPLANATIONS, Code
from tests.compiling import check_rejected, mistakes, steps

INPUTS = "name: test\ninputs: {key: {type: string, pattern: 'AK[A-Z]+'}, n: {type: integer, default: 5}}\n"

#: The mistake stands in the last line: what it is called, the line, the column, the code, words, words of what is allowed.
STEPS = [
    ("a: {uses: test.revok, with: {id: x}}", 13, "unknown-action", "no action `test.revok`", "did you mean `test.revoke`?"),
    ("a: {uses: test.revoke}", 13, "missing-argument", "needs the argument `id`", ""),
    ("a: {uses: test.revoke, with: {id: x, forse: true}}", 40, "unknown-argument", "takes no `forse`", "`force`"),
    ("a: {uses: test.revoke, with: {id: 5}}", 37, "wrong-argument", "`id` does not fit", "put it in quotes"),
    ("a: {uses: test.search, with: {query: ABC}}", 40, "wrong-argument", "should match pattern", "What to look for."),
    ("a: {uses: test.search, with: {query: x, limit: 101}}", 50, "wrong-argument", "less than or equal to 100", ""),
    ("a: {uses: test.search, with: {query: x, limit: 1.5}}", 50, "wrong-argument", "no decimal numbers", "a text ('0.5')"),
    ("a: {uses: test.search, with: {query: x, limit: 9007199254740992}}", 50, "wrong-argument", "2**53", ""),
    ("a: {uses: test.search, with: {query: x, tags: [a, 5]}}", 53, "wrong-argument", "`tags` takes a text", ""),
    ("a: {uses: test.search, with: {query: x, tags: {a: b}}}", 49, "wrong-argument", "takes a list of texts", ""),
    ("a: {uses: test.rotate, with: {token: {provider: x}}}", 40, "missing-argument", "field `id` is missing", ""),
    ("a: {uses: test.rotate, with: {token: {provider: x, id: y, idd: z}}}", 61, "unknown-argument", "no field `idd`", "`id`"),
    ("a: {uses: test.window, with: {first: 2, last: 1}}", 26, "wrong-argument", "first lies after last", ""),
    ("a: {uses: test.store, with: {source: hunter2}}", 40, "secret-in-plain", "a reference to a secret", "Where the value is"),
    ("a: {uses: test.revoke, wait: 1m}", 26, "step-kind", "has `uses` and `wait`", "two steps"),
    ("a: {}", 3, "step-kind", "does nothing", "`uses`"),
    ("a: {wait: 1m, retry: {attempts: 2}}", 17, "misplaced-key", "`wait` takes no `retry`", "`uses`"),
    ("a: {wait: 1m, with: {x: 1}}", 17, "misplaced-key", "`wait` takes no `with`", "`uses` or `run`"),
    ("a: {approval: nobody}", 17, "unknown-policy", "no approval policy `nobody`", "declare it"),
    ("a: {ask: {prompt: x, of: y, fields: {n: {type: string}}}}", 28, "unknown-policy", "`y`", "declare it"),
    ("a: {ask: {prompt: x, fields: {}}}", 24, "missing-key", "no fields", "fields: {healthy"),
    ("a: {ask: {prompt: x, fields: {by: {type: string}}}}", 33, "bad-name", "`by` is taken", ""),
    ("a: {ask: {prompt: x, fields: {n: {type: boolean, choices: [a]}}}}", 52, "misplaced-key", "Only a string", ""),
    ("a: {ask: {fields: {n: {type: boolean}}}}", 7, "missing-key", "has no `prompt`", "What they are asked"),
    ("a: {ask: {prompt: x, fields: {n: {typ: boolean, type: string}}}}", 37, "unknown-key", "no key `typ`", "`type`"),
    ("a: {needs: [fid], wait: 1m}", 15, "unknown-step", "no step `fid`", "did you mean `find`?"),
    ("a: {needs: [a], wait: 1m}", 15, "cycle", "needs itself", ""),
    ("a: {needs: find, wait: 1m}", 14, "wrong-type", "`find`; it must be a list", ""),
    ("a: {wait: 90}", 13, "bad-duration", "`90` is not a duration", "30s, 5m, 2h, 1d"),
    ("a: {wait: 1.5h}", 13, "bad-duration", "`1.5h` is not a duration", "30s"),
    ("a: {wait: 366d}", 13, "out-of-bounds", "between 1s and 365d", ""),
    ("a: {uses: test.search, with: {query: x}, timeout: 2d}", 53, "out-of-bounds", "between 1s and 1d", ""),
    ("a: {uses: test.search, with: {query: x}, retry: {attempts: 101}}", 62, "out-of-bounds", "at most 100", ""),
    ("a: {uses: test.search, with: {query: x}, retry: {ceiling: 2s, interval: 1m}}", 61, "out-of-bounds", "shorter", ""),
    ("a: {uses: test.search, with: {query: x}, retry: {tries: 2}}", 52, "unknown-key", "no key `tries`", "attempts"),
    ("a: {uses: test.search, with: {query: x}, every: 1m}", 44, "misplaced-key", "needs `until`", ""),
    ("a: {uses: test.search, with: {query: x}, until: 'true', every: 1m}", 44, "missing-key", "needs `within`", "30s"),
    ("a: {uses: test.search, with: {query: x}, until: 'true', every: 2m, within: 1m}", 66, "out-of-bounds", "longer", ""),
    ("a: {uses: test.revoke, with: {id: x}, until: 'true', every: 1m, within: 1h}", 41, "until-on-change", "reads only", "a read"),
    ("a: {uses: test.revoke, with: {id: x}, concurrency: 5}", 41, "misplaced-key", "needs `for_each`", ""),
    ("a: {for_each: [a], uses: test.revoke, with: {id: '${{ t }}'}}", 7, "missing-key", "needs `as`", "the name"),
    ("a: {for_each: [a], as: t, uses: test.search, with: {query: x}, until: 'true', every: 1s, within: 1m}", 66, "misplaced-key", "does not go with `for_each`", ""),
    ("a: {for_each: '${{ steps.fnd.tags }}', as: t, uses: test.revoke, with: {id: '${{ t }}'}}", 22, "unknown-step", "`fnd`", "find"),
    ("a: {for_each: [a], as: t, concurrency: 1001, uses: test.revoke, with: {id: x}}", 42, "out-of-bounds", "1000", ""),
    ("a: {for_each: [a], as: t, on_error: panic, uses: test.revoke, with: {id: x}}", 39, "bad-value", "`panic`", "ask"),
    ("a: {for_each: [a], as: steps, uses: test.revoke, with: {id: x}}", 26, "bad-name", "`steps` is taken", ""),
    ("a: {for_each: [a], as: in, uses: test.revoke, with: {id: x}}", 26, "bad-name", "Expressions reserve", ""),
    ("a: {for_each: [{a: b}], as: t, uses: test.revoke, with: {id: x}}", 17, "wrong-type", "texts", "${{"),
    ("a: {for_each: steps.find.tags, as: t, uses: test.revoke, with: {id: x}}", 17, "misplaced-expression", "one expression", "${{"),
    ("A: {wait: 1m}", 3, "bad-name", "`A` cannot be a name", "snake_case"),
    ("for: {wait: 1m}", 3, "bad-name", "reserve", "snake_case"),
    ("a: {title: 'x ${{ y }}', wait: 1m}", 14, "misplaced-expression", "`title` is plain text", "`with`"),
    ("a: {title: 5, wait: 1m}", 14, "wrong-type", "the number 5", "quotes"),
    ("a: {run: other}", 12, "unknown-runbook", "no runbook `other`", "no other"),
    ("find: {wait: 1m}", 3, "duplicate-key", "a second time (first in line 3)", "remove"),
    ("a: {wiat: 1m, wait: 1m}", 7, "unknown-key", "A step has no key `wiat`", "did you mean `wait`?"),
]  # fmt: skip

#: Whole runbooks: their text after the name, where the mistake is, its code, words, words of what is allowed.
RUNBOOKS = [
    ("title: [a]\nsteps: {a: {wait: 1m}}", "2:8", "wrong-type", "`title` is a list", ""),
    ("stepps: {}\nsteps: {a: {wait: 1m}}", "2:1", "unknown-key", "no key `stepps`", "did you mean `steps`?"),
    ("severity: hgih\nsteps: {a: {wait: 1m}}", "2:11", "bad-value", "`hgih`", "did you mean `high`?"),
    ("steps: {}", "2:1", "missing-key", "at least one step", ""),
    ("steps: [a]", "2:8", "wrong-type", "is a list", ""),
    ("inputs: {a: {description: x}}\nsteps: {a: {wait: 1m}}", "2:10", "missing-key", "`inputs.a` has no `type`", "list"),
    ("inputs: {a: {type: text}}\nsteps: {a: {wait: 1m}}", "2:20", "bad-value", "`text`", "string"),
    ("inputs: {a: {type: string, pattern: '(?=x)'}}\nsteps: {a: {wait: 1m}}", "2:37", "bad-pattern", "not RE2", "look-around"),
    ("inputs: {a: {type: integer, pattern: x}}\nsteps: {a: {wait: 1m}}", "2:29", "misplaced-key", "only a string", ""),
    ("inputs: {a: {type: integer, default: '5'}}\nsteps: {a: {wait: 1m}}", "2:38", "bad-default", "'5'", "type integer"),
    ("inputs: {a: {type: string, default: }}\nsteps: {a: {wait: 1m}}", "2:37", "bad-default", "is empty", "required"),
    ("inputs: {a: {type: string, pattern: b, default: c}}\nsteps: {a: {wait: 1m}}", "2:49", "bad-default", "does not match", ""),
    ("inputs: {a: {type: string}}\nidentity: [a, a]\nsteps: {a: {wait: 1m}}", "3:15", "duplicate-key", "named twice", ""),
    ("inputs: [a]\nsteps: {a: {if: inputs.x == '', wait: 1m}}", "2:9", "wrong-type", "`inputs` is a list; it must be a mapping", ""),
    ("identity: [a]\nsteps: {a: {wait: 1m}}", "2:12", "unknown-input", "no input `a`", "declare"),
    ("approvals: {a: {from: []}}\nsteps: {a: {approval: a}}", "2:23", "policy-unfulfillable", "names nobody", ""),
    ("approvals: {a: {from: ['user:a'], count: 2}}\nsteps: {a: {approval: a}}", "2:42", "policy-unfulfillable", "needs 2 people and names 1", "at most 1"),
    ("approvals: {a: {from: [ada]}}\nsteps: {a: {approval: a}}", "2:24", "bad-value", "`ada` names nobody", "user:NAME"),
    ("approvals: {a: {from: ['user:a', 'user:a']}}\nsteps: {a: {approval: a}}", "2:34", "duplicate-key", "named twice", ""),
    ("approvals: {a: {from: ['role:a'], expires: 10s}}\nsteps: {a: {approval: a}}", "2:44", "out-of-bounds", "1m and 30d", ""),
    ("approvals: {a: {from: ['role:a'], count: '2'}}\nsteps: {a: {approval: a}}", "2:42", "wrong-type", "the text `2`", ""),
    ("approvals: {}\nsteps: {a: {wait: 1m, needs: [b]}, b: {wait: 1m, needs: [a]}}", "3:9", "cycle", "a → b → a", "take one"),
]  # fmt: skip

TRIGGERS = [
    ("{alert: guarduty, inputs: {key: AKX}}", 13, "unknown-source", "`guarduty`", "did you mean `guardduty`?"),
    ("{alert: guardduty}", 13, "trigger-incomplete", "needs a value for `key`", ""),
    ("{alert: guardduty, inputs: {key: foo}}", 38, "wrong-argument", "does not match", ""),
    ("{alert: guardduty, inputs: {key: AKX, m: 1}}", 43, "unknown-argument", "takes no `m`", "key, n"),
    ("{alert: guardduty, inputs: {key: '${{ alert.severity }}'}}", 43, "wrong-argument", "a decimal number", "string("),
    ("{alert: guardduty, inputs: {key: '${{ inputs.n }}'}}", 43, "unknown-name", "cannot be read here", "access_key_id"),
    ("{alert: guardduty, inputs: {key: '${{ steps.w.state }}'}}", 43, "unknown-name", "no step has run", ""),
    ("{alert: guardduty, when: alert.sevrity > 7.0, inputs: {key: AKX}}", 30, "unknown-field", "`sevrity`", "`severity`"),
    ("{alert: guardduty, when: alert.severity > 7, inputs: {key: AKX}}", 45, "expression-type", "`>`", "write 7.0"),
    ("{alert: guardduty, when: alert.title, inputs: {key: AKX}}", 30, "expression-type", "true or false", ""),
    ("{alert: guardduty, slack: x}", 5, "misplaced-key", "either `alert` or `slack`", ""),
    ("{}", 5, "missing-key", "either `alert` or `slack`", ""),
    ("{slack: Aws Key}", 13, "bad-value", "`Aws Key`", ""),
    ("{slack: aws, inputs: {key: AKX}}", 18, "misplaced-key", "takes no `inputs`", ""),
    ("{slack: taken}", 13, "duplicate-key", "second time", ""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "column", "code", "says", "allowed"), STEPS, ids=[case[0] for case in STEPS])
def test_mistakes_in_a_step(line: str, column: int, code: str, says: str, allowed: str) -> None:
    """One wrong step, one mistake, at its place."""
    check_rejected(steps(line), f"4:{column}", code, says, allowed)


@pytest.mark.parametrize(("text", "place", "code", "says", "allowed"), RUNBOOKS, ids=[case[0] for case in RUNBOOKS])
def test_mistakes_around_the_steps(text: str, place: str, code: str, says: str, allowed: str) -> None:
    """Inputs, identity, policies and the top level."""
    check_rejected(f"name: test\n{text}", place, code, says, allowed)


@pytest.mark.parametrize(("line", "column", "code", "says", "allowed"), TRIGGERS, ids=[case[0] for case in TRIGGERS])
def test_mistakes_in_a_trigger(line: str, column: int, code: str, says: str, allowed: str) -> None:
    """Triggers are checked against the alert model and the inputs."""
    text = f"{INPUTS}triggers:\n  - {{slack: taken}}\n  - {line}\nsteps: {{w: {{wait: 1m}}}}"
    check_rejected(text, f"5:{column}", code, says, allowed)


@pytest.mark.parametrize("name", ["", "Test", "a b", "a--b", "-a", "5", "a.b", "a" * 101])
def test_names_of_runbooks(name: str) -> None:
    """A runbook's name becomes a workflow's type and part of its id."""
    check_rejected(
        f"name: '{name}'\nsteps: {{a: {{wait: 1m}}}}", "1:7", "bad-name", "cannot be a name", "aws-access-key"
    )


def test_a_runbook_cannot_have_a_name_of_ours() -> None:
    """A plan's name is its workflow's type in Temporal, where `firedoor-campaign` and `firedoor-clocks` are taken."""
    text = "name: firedoor-campaign\nsteps: {a: {wait: 1m}}"
    check_rejected(text, "1:7", "bad-name", "firedoor's own workflows", "does not begin with firedoor-")


def test_everything_is_reported_at_once() -> None:
    """Mistakes of shape, of names, of expressions and of arguments come together, in the order of the file."""
    found = mistakes(
        """
        name: Test
        inputs: {a: {type: strng}}
        approvals: {p: {from: []}}
        steps:
          one: {uses: test.search, with: {query: 5}, timeot: 1m}
          two: {if: steps.on.owner == 1, wait: 5}
          three: {needs: [two], uses: test.revoke, with: {id: '${{ steps.one.ownr }}'}, approval: q}
        """
    )
    assert [(one.line, one.code.value) for one in found] == [
        (1, "bad-name"),
        (2, "bad-value"),
        (3, "policy-unfulfillable"),
        (5, "wrong-argument"),
        (5, "unknown-key"),
        (6, "unknown-step"),
        (6, "bad-duration"),
        (7, "unknown-field"),
        (7, "unknown-policy"),
    ]


def test_a_mistake_is_reported_once() -> None:
    """What refers to a broken part is no second mistake."""
    found = mistakes(
        """
        name: test
        inputs: {key: {type: strng}}
        identity: [key]
        triggers: [{alert: guardduty, inputs: {key: 5}}]
        approvals: {p: {from: x}}
        steps:
          ask_them: {ask: {fields: {ok: {type: boolean}}}}
          unknown: {uses: test.nothing, with: {a: 1}}
          two: {if: 'steps.ask_them.ok && steps.unknown.x.exists(y, y == 1) && inputs.key == 5', approval: p}
          three: {needs: [ask_them, two], wait: 1m}
        """
    )
    assert [(one.line, one.code.value) for one in found] == [
        (2, "bad-value"),
        (5, "wrong-type"),
        (7, "missing-key"),
        (8, "unknown-action"),
    ]


def test_every_code_is_explained() -> None:
    """The documentation has a sentence for each code."""
    assert EXPLANATIONS.keys() == set(Code)
