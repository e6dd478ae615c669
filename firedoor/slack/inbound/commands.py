"""What somebody types after `/firedoor`, as a command. Pure.

Slack changes what is typed: straight quotes become typographic ones, addresses `<https://…|…>`, and `&`, `<`, `>`
are escaped (docs.slack.dev/interactivity/implementing-slash-commands). All of that is undone first.
"""

import difflib
import html
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from firedoor.errors import UsageError
from firedoor.plan import Plan

NOTHING = "Nothing was changed."
#: Slack cuts what is typed off at about as much.
MOST_TEXT = 8000

#: verb → what stands behind it, and what it does.
VERBS: dict[str, tuple[str, str]] = {
    "run": ("RUNBOOK [VALUE… | INPUT=VALUE…]", "Start a runbook. You see what it would do, and confirm."),
    "status": ("[INCIDENT]", "Where an incident stands."),
    "approve": ("[INCIDENT] [STEP]", "What waits for approval, with the button that approves it."),
    "campaign": ("[CAMPAIGN]", "How far customers are that are told, with the buttons that pause and stop that."),
    "note": ("[INCIDENT] TEXT", "Write a note into the timeline."),
    "help": ("[VERB]", "This."),
}
ALONE = ("", "Open incidents, and the runbooks that you may start, with buttons.")

_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‟": '"', "‘": "'", "’": "'", "‚": "'", "‛": "'", "\xa0": " "})
#: `<https://a.example|a.example>`, `<mailto:a@b.example|…>`, `<@U01|ada>`, `<#C01|general>`, `<!subteam^S01|@ops>`
_LINK = re.compile(r"<([^<>|]+)(?:\|([^<>|]*))?>")
_NAMED = re.compile(r"([a-z][a-z0-9_]*)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Overview:
    """`/firedoor` alone."""


@dataclass(frozen=True, slots=True)
class Start:
    """A runbook by its name or its Slack word, and the words behind it."""

    runbook: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """Where an incident stands: the one that is named, or the one that is meant here."""

    incident: str = ""


@dataclass(frozen=True, slots=True)
class Approve:
    """What waits for approval. A single word may be an incident or a step: `words` are as they were typed."""

    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Campaign:
    """How far a campaign is: the one that is named, or those that are meant here."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A note. Its first word may name an incident: `text` is all of it."""

    text: str


@dataclass(frozen=True, slots=True)
class Help:
    """How commands are written: all, or one."""

    verb: str = ""


Command = Overview | Start | Status | Approve | Campaign | Note | Help


def typed(text: str) -> str:
    """The text as it was typed, before Slack made links, mentions and typographic quotes of it."""
    return html.unescape(_LINK.sub(_as_typed, text[:MOST_TEXT])).translate(_QUOTES).strip()


def _as_typed(match: re.Match[str]) -> str:
    target, label = match[1], match[2] or ""
    if target.startswith(("@", "#", "!")):
        sign = {"@": "@", "#": "#", "!": ""}[target[0]]
        return f"{sign}{label}" if label else target.lstrip("!")
    if target.startswith(("http://", "https://", "mailto:")):
        return label or target.removeprefix("mailto:")
    return match[0]


def parse(text: str, plans: Mapping[str, Plan], broken: Collection[str] = ()) -> Command:
    """The command that `text` is. Raises `UsageError` that says what is expected, with the nearest match.

    `broken` are the names of runbooks that do not compile: whoever wants to start one is told so later.
    """
    line = typed(text)
    verb, _, rest = line.partition(" ")
    # Slack's phones begin a line with a capital letter.
    verb, rest = verb if verb in plans else verb.lower(), rest.strip()
    match verb:
        case "":
            return Overview()
        case "note":
            if not rest:
                raise expected("note", "A note needs a text.")
            return Note(rest)
        case "run":
            return _run(_words(rest), plans, broken)
        case "status" | "approve" | "campaign" | "help":
            return _short(verb, _words(rest))
        case _:
            pass
    runbook = triggers(plans).get(verb)
    if runbook or verb in plans or verb in broken:
        return Start(runbook or verb, _words(rest))
    raise _unknown(verb, plans)


def _run(words: tuple[str, ...], plans: Mapping[str, Plan], broken: Collection[str]) -> Start:
    if not words:
        raise expected("run", f"Which runbook? There are: {', '.join(plans) or 'none'}.")
    name = triggers(plans).get(words[0], words[0])
    if name not in plans and name not in broken:
        near = _near(words[0], [*plans, *triggers(plans)]) or f" There are: {', '.join(plans) or 'none'}."
        raise expected("run", f"There is no runbook {words[0]!r}.{near}")
    return Start(name, words[1:])


def _short(verb: str, words: tuple[str, ...]) -> Command:
    """The verbs that take a word or two."""
    most = {"status": 1, "approve": 2, "campaign": 1, "help": 1}[verb]
    if len(words) > most:
        raise expected(verb, f"{words[most]!r} is one word too many.")
    if verb == "approve":
        return Approve(words)
    first = words[0] if words else ""
    if verb == "campaign":
        return Campaign(first)
    if verb == "status":
        return Status(first)
    if first and first not in VERBS:
        raise UsageError(
            f"There is no verb {first!r}.{_near(first, VERBS)}", changed=NOTHING, next=f"There are: {', '.join(VERBS)}."
        )
    return Help(first)


def triggers(plans: Mapping[str, Plan]) -> dict[str, str]:
    """The runbooks by their Slack words. A verb cannot be one: it keeps its meaning."""
    return {
        trigger.slack: name
        for name, plan in plans.items()
        for trigger in plan.triggers
        if trigger.slack and trigger.slack not in VERBS
    }


def values(plan: Plan, words: Sequence[str]) -> dict[str, str]:
    """The inputs that words give: `name=value`, the others in the order of the runbook's inputs.

    A value with `=` in it, such as a base64 text, is one of the others. Raises `UsageError` with the usage.
    """
    found: dict[str, str] = {}
    others: list[str] = []
    for word in words:
        match = _NAMED.fullmatch(word)
        if match and match[1] in plan.inputs:
            if match[1] in found:
                raise _usage(plan, f"{match[1]} is given twice.")
            found[match[1]] = match[2]
        elif match and (near := difflib.get_close_matches(match[1], plan.inputs, n=1, cutoff=0.7)):
            raise _usage(plan, f"{match[1]} is not an input of {plan.name}. Did you mean {near[0]}?")
        else:
            others.append(word)
    free = [name for name in plan.inputs if name not in found]
    if len(others) > len(free):
        raise _usage(plan, f"{others[len(free)]!r} is one value too many.")
    return found | dict(zip(free, others, strict=False))


def usage(plan: Plan) -> str:
    """How a runbook is started from Slack: `/firedoor aws-key ACCESS_KEY_ID [REASON]`."""
    word = next((trigger.slack for trigger in plan.triggers if trigger.slack), "") or f"run {plan.name}"
    names = (name.upper() if one.required else f"[{name}=…]" for name, one in plan.inputs.items())
    return " ".join(("/firedoor", word, *names))


def expected(verb: str, why: str) -> UsageError:
    """What a verb takes, after why what was typed is not it."""
    return UsageError(why, changed=NOTHING, next=f"Expected: {how(verb)}")


def how(verb: str) -> str:
    """A verb as it is typed."""
    return f"/firedoor {verb} {VERBS[verb][0]}".rstrip()


def _usage(plan: Plan, why: str) -> UsageError:
    names = "\n".join(f"  {name}: {one.description or one.type}" for name, one in plan.inputs.items())
    return UsageError(why, changed="Nothing was started.", next=f"Expected: {usage(plan)}\n{names}".rstrip())


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError:
        raise UsageError(
            "A quote is opened and not closed.", changed=NOTHING, next='Write a value with spaces as "like this".'
        ) from None


def _unknown(verb: str, plans: Mapping[str, Plan]) -> UsageError:
    known = [*VERBS, *triggers(plans), *plans]
    return UsageError(
        f"{verb[:80]!r} is neither a verb nor the word of a runbook.{_near(verb, known)}",
        changed=NOTHING,
        next=f"Verbs: {', '.join(VERBS)}. Words that start a runbook: {', '.join(triggers(plans)) or 'none'}.",
    )


def _near(word: str, known: Sequence[str] | Mapping[str, object]) -> str:
    near = difflib.get_close_matches(word.lower(), list(known), n=2, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""
