"""What is in a report, section by section. Pure: from the record, the campaigns' counts, the clocks, the proofs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from firedoor.report import proofs, told
from firedoor.report.clocks import Clock
from firedoor.report.clocks import section as clock_section
from firedoor.report.document import Cell, Code, Document, Facts, Mark, Part, Section, Table, Text
from firedoor.report.facts import Outcome, Record, is_known, is_proved
from firedoor.report.proofs import Proofs
from firedoor.report.story import story
from firedoor.report.told import Told
from firedoor.words import duration, parse, plural

#: Rows of a table that a report can bear.
ROWS = 60
#: Pieces of evidence that are named for one verdict.
EVIDENCE = 4
#: Characters of one.
LONGEST = 140


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a report is made of; `made` is when."""

    record: Record
    proofs: Proofs
    made: str
    campaigns: Sequence[Told] = ()
    clocks: Sequence[Clock] = ()


def document(findings: Findings) -> Document:
    """The report."""
    record = findings.record
    sections = [
        _summary(findings),
        Section("story", "What happened", (story(record.entries),)),
        _containment(record),
        _rotated(record),
        *_customers(findings),
        *clock_section(findings.clocks),
        _people(record),
        proofs.section(findings.proofs),
    ]
    return Document(
        title=f"{record.title}: report",
        verdict=_verdict(record),
        lead=_lead(record),
        notice=_notice(record),
        sections=tuple(sections),
        foot=f"Made by firedoor at {findings.made} from the timeline and the outbox. All times are UTC.",
    )


def _notice(record: Record) -> str:
    said = ["This was a drill: nothing in it is real."] if record.is_drill else []
    if record.closed is None:
        said.append("The incident has not ended: this is what was known when the report was made.")
    return " ".join(said)


def _lead(record: Record) -> str:
    if record.closed is None:
        return f"{plural(len(record.entries), 'entries')} so far."
    return str(record.closed.body.get("say") or record.closed.fields.get("state") or "It has ended.")


def _verdict(record: Record) -> Mark:
    if record.closed is None:
        return Mark("going on", "open")
    if not record.verdict:
        return Mark(str(record.closed.body.get("state") or "ended"), "open")
    return _word(record.verdict)


def _word(verdict: str) -> Mark:
    return Mark(verdict.replace("_", " "), "good" if is_proved(verdict) else "bad" if is_known(verdict) else "open")


def _summary(findings: Findings) -> Section:
    record = findings.record
    opened, closed = record.opened, record.closed
    end = closed or record.entries[-1]
    began, ended = parse(opened.recorded_at), parse(end.recorded_at)
    took = (ended - began).total_seconds() if began and ended else None
    pairs: list[tuple[str, Cell]] = [
        ("incident", Code(record.incident)),
        ("opened", f"{_time(opened.recorded_at)} by {opened.part('actor').get('id', 'nobody')}"),
        ("ended" if closed else "last entry", f"{_time(end.recorded_at)}, after {duration(took)}"),
        ("runbook", str(opened.body.get("runbook") or "")),
        ("plan", Code(str(opened.body.get("plan") or ""))),
        ("SHA-256 of the runbook", Code(str(opened.body.get("runbook_sha256") or ""))),
    ]
    inputs = opened.body.get("inputs")
    if isinstance(inputs, dict):
        pairs += [(f"input {name}", _input(value)) for name, value in inputs.items() if value not in ("", [], None)]
    proved = sum(is_proved(one.verdict) for one in record.containments())
    pairs.append(("verdicts", f"{proved:,} proved of {len(record.containments()):,}"))
    pairs += [(one.campaign.step, one.standing.sentence()) for one in findings.campaigns]
    return Section("summary", "Summary", (Facts(tuple(pairs)),))


def _input(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _containment(record: Record) -> Section:
    found = record.containments()
    # What is not proved stands first: nobody may miss it.
    ordered = sorted(found, key=lambda one: is_proved(one.verdict))
    rows = tuple(
        (one.step, _word(one.verdict), one.summary or one.target, _evidence(one), str(one.seq))
        for one in ordered[:ROWS]
    )
    parts: list[Part] = [Text("Each verdict is the provider's own answer after the change, by the entry it stands in.")]
    heads = ("step", "verdict", "what was found", "evidence", "entry")
    parts.append(Table("Verdicts", heads, rows, _left(len(found) - ROWS)))
    return Section("containment", "Containment", tuple(parts) if found else (Text("No step has a verdict."),))


def _evidence(one: Outcome) -> str:
    said = [_shortened(f"{item.get('source', '')}: {item.get('says', '')}") for item in one.evidence[:EVIDENCE]]
    more = [f"and {len(one.evidence) - EVIDENCE} more"] if len(one.evidence) > EVIDENCE else []
    return "; ".join([*said, *more])


def _shortened(text: str) -> str:
    """A policy, say, is longer than anybody reads here: the bundle has the whole of it."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _rotated(record: Record) -> Section:
    found = record.rotations()
    rows = tuple((_named(one, "old"), _named(one, "new"), _places(one), _word(one.verdict)) for one in found[:ROWS])
    if not rows:
        return Section("rotated", "What was rotated", (Text("No credential was replaced by this incident's steps."),))
    heads = ("old", "new", "where", "the old one")
    return Section("rotated", "What was rotated", (Table("Our own", heads, rows, _left(len(found) - ROWS)),))


def _named(one: Outcome, which: str) -> str:
    credential = one.result.get(which)
    parts = credential if isinstance(credential, dict) else {}
    return " ".join(str(parts[name]) for name in ("provider", "name", "id") if parts.get(name))


def _places(one: Outcome) -> Code:
    places = one.result.get("places")
    return Code(", ".join(str(place) for place in places) if isinstance(places, list) else "")


def _customers(findings: Findings) -> Iterator[Section]:
    campaigns = findings.campaigns
    for number, one in enumerate(campaigns, 1):
        heading = "The customers" if len(campaigns) == 1 else f"The customers: {one.campaign.step}"
        escalated = [
            found for found in findings.record.containments() if found.step == f"{one.campaign.step}_escalation"
        ]
        yield Section(f"customers-{number}", heading, (*told.parts(one), *_escalation(escalated)))


def _escalation(found: Sequence[Outcome]) -> Iterator[Part]:
    if not found:
        return
    verdicts = Counter(one.verdict for one in found)
    said = tuple((_word(verdict), f"{count:,}") for verdict, count in verdicts.items())
    yield Table(f"Escalated: {found[0].action}", ("verdict", "credentials"), said, "Those that nobody had replaced.")


def _people(record: Record) -> Section:
    people = dict[str, list[str]]()
    for one in record.acts:
        people.setdefault(f"{one.who} ({one.auth})" if one.auth else one.who, []).append(one.verb)
    who = tuple((name, ", ".join(sorted(set(verbs))), str(len(verbs))) for name, verbs in people.items())
    acts = tuple(
        (one.who, one.verb, one.step, _time(one.at), Code(one.digest), one.reason) for one in record.acts[:ROWS]
    )
    if not acts:
        return Section("people", "Responders and approvals", (Text("Nobody has decided anything."),))
    heads = ("who", "what", "step", "when", "digest of what was shown", "reason")
    return Section(
        "people",
        "Responders and approvals",
        (
            Table("Responders", ("who", "did", "decisions"), who),
            Table("Decisions", heads, acts, _left(len(record.acts) - ROWS)),
        ),
    )


def _left(count: int) -> str:
    return f"{count:,} more stand in the bundle." if count > 0 else ""


def _time(moment: str) -> str:
    return moment[:19].replace("T", " ")
