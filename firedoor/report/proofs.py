"""What proves a report: the bundle that was exported for it, and what its verification says. Pure."""

from dataclasses import dataclass

from firedoor.report.document import Cell, Code, Facts, Listing, Mark, Section, Table, Text
from firedoor.timeline.bundle import unpack
from firedoor.timeline.checkpoint import CheckpointError, Verifier, b64, open_note
from firedoor.timeline.verify import Class, Verification, verify

#: Findings of one class that are named.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Proofs:
    """A bundle, by the name of its file; `root` and `size` are those of the log at its checkpoint."""

    bundle: str
    public_key: str
    verification: Verification
    root: str
    size: int
    checkpoint: str


def proofs(bundle: bytes, name: str, public_key: str) -> Proofs:
    """Verify a bundle as a stranger would."""
    found = verify(bundle, public_key)
    note = unpack(bundle).files.get("checkpoint", b"").decode()
    try:
        head = open_note(note, Verifier.parse(public_key))
    except CheckpointError:
        return Proofs(name, public_key, found, "", 0, note)
    return Proofs(name, public_key, found, b64(head.root), head.size, note)


def section(proofs: Proofs) -> Section:
    """What was signed, what its digests are, how somebody else checks it."""
    seen = proofs.verification
    word: Cell = Mark("every byte is what was signed", "good") if seen.ok else Mark("FAILED: do not rely on it", "bad")
    facts: tuple[tuple[str, Cell], ...] = (
        ("verification", word),
        ("bundle", Code(proofs.bundle)),
        ("SHA-256 of it", Code(seen.bundle_sha256)),
        ("entries in it", f"{seen.entries:,}"),
        ("log", f"{seen.log}, {proofs.size:,} entries at the checkpoint"),
        ("root", Code(proofs.root)),
        ("public key", Code(proofs.public_key)),
        ("exported", f"{seen.exported_at} by {seen.requested_by}"),
    )
    commands = Listing((f"sha256sum {proofs.bundle}", f"firedoor verify {proofs.bundle} --key timeline.pub"))
    kinds = [(kind, seen.of(kind)) for kind in Class]
    rows = tuple(
        (Mark(kind.value, "bad" if kind is Class.FAILED else "open"), one.place, one.say)
        for kind, found in kinds
        for one in found[:NAMED]
    )
    left = sum(max(0, len(found) - NAMED) for _, found in kinds)
    more = f"{left:,} more of the same kinds: firedoor verify says them all." if left else ""
    limits = (Table("What it does not prove", ("class", "where", "what"), rows, more),)
    return Section(
        "proofs",
        "Proofs",
        (
            Text(
                "This page is for reading. What it says stands in the bundle, whose entries are chained, signed, and "
                "checked with nothing but the log's public key: get that by another way than this page."
            ),
            Facts(facts),
            commands,
            *(limits if rows else ()),
        ),
    )
