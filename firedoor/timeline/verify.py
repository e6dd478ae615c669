"""Verification of an exported incident with nothing but the file's bytes and the log's public key.

Pure: no I/O, no clock, no network, no store. It goes on after each failure and keeps apart what failed, what has no
outcome, what was erased, what was left out, and what nobody outside the log has seen. It does not compare with anchors
or with other exports of the log: a second log, written with the same key, is not seen here.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from firedoor.canonical import sha256_hex
from firedoor.errors import UsageError
from firedoor.timeline.bundle import unpack
from firedoor.timeline.checkpoint import Checkpoint, CheckpointError, Verifier, b64, open_note
from firedoor.timeline.entry import Entry, EntryError, Kind, parse_json
from firedoor.timeline.proof import parse_proof
from firedoor.timeline.render import evidence_of, unresolved
from firedoor.timeline.sealed import FILE, erased, read_lines, sealed
from firedoor.timeline.tree import ProofError, leaf_hash, verify_inclusion

_ENTRY_FILE = re.compile(r"entries/([0-9]{6,18})\.(json|tlog-proof)")
_MANIFEST_KEYS = {"v", "log", "incident", "count", "head", "files"}


class Class(StrEnum):
    """What a finding means."""

    #: A hash, a signature, a gap, or a file that should not be there: do not rely on this bundle.
    FAILED = "FAILED"
    #: An action was begun, and no outcome is recorded.
    UNRESOLVED = "UNRESOLVED"
    #: A value behind a digest was erased, and an entry says so.
    ERASED = "ERASED"
    #: Evidence that an entry names and this bundle does not hold; a value behind a digest that is not in it.
    WITHHELD = "WITHHELD"
    #: No anchor outside the log's own host covers these entries.
    UNANCHORED = "UNANCHORED"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: its class, the file or entry it is about, and a sentence."""

    kind: Class
    place: str
    say: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a bundle proves. `ok` is False if anything FAILED; then nothing else here can be relied on.

    `size` is the number of entries of the whole log at the checkpoint, `entries` that of the incident in this bundle.
    """

    ok: bool
    log: str
    incident: str
    entries: int
    size: int
    exported_at: str
    requested_by: str
    key_id: str
    bundle_sha256: str
    findings: tuple[Finding, ...]

    def of(self, kind: Class) -> tuple[Finding, ...]:
        """The findings of one class."""
        return tuple(finding for finding in self.findings if finding.kind is kind)


def verify(bundle: bytes, public_key: str) -> Verification:
    """Check a bundle against a public key (`NAME+KEY ID+BASE64`). Raises `UsageError` if the key is not one."""
    try:
        verifier = Verifier.parse(public_key)
    except CheckpointError as error:
        raise UsageError(
            f"That is not the public key of a log: {error}.",
            next="It is the one line in the `.pub` file beside the key.",
        ) from None
    unpacked = unpack(bundle)
    check = _Check(verifier, unpacked.files)
    for fault in unpacked.faults:
        check.fail("zip", fault)
    check.run()
    last = check.entries[max(check.entries)] if check.entries else None
    export = last if last is not None and last.kind == Kind.EXPORT else None
    return Verification(
        ok=not any(finding.kind is Class.FAILED for finding in check.findings),
        log=verifier.name,
        incident=last.incident if last else "",
        entries=len(check.entries),
        size=check.head.size if check.head else 0,
        exported_at=export.recorded_at if export else "",
        requested_by=str(export.part("actor").get("id", "")) if export else "",
        key_id=verifier.id.hex(),
        bundle_sha256=sha256_hex(bundle),
        findings=tuple(check.findings),
    )


@dataclass
class _Check:
    """The state of one verification."""

    verifier: Verifier
    files: Mapping[str, bytes]
    findings: list[Finding] = field(default_factory=list)
    head: Checkpoint | None = None
    note: str = ""
    entries: dict[int, Entry] = field(default_factory=dict)

    def fail(self, place: str, say: str) -> None:
        self.findings.append(Finding(Class.FAILED, place, say))

    def run(self) -> None:
        self._checkpoint()
        self._entries()
        self._chain()
        self._references()
        self._manifest(self._export())
        self._open_ends()
        self._sealed()

    def _checkpoint(self) -> None:
        data = self.files.get("checkpoint")
        if data is None:
            return self.fail(
                "checkpoint", "The signed checkpoint is missing, so nothing proves that these entries were logged."
            )
        try:
            head = open_note(data, self.verifier)
        except CheckpointError as error:
            return self.fail("checkpoint", f"The checkpoint is not valid: {error}.")
        if data.decode().count("\n") != head.text().count("\n") + 2:
            return self.fail(
                "checkpoint", "The checkpoint carries signatures besides the log's, which nothing here explains."
            )
        self.head, self.note = head, data.decode()
        return None

    def _entries(self) -> None:
        numbers: set[int] = set()
        for name in self.files:
            if match := _ENTRY_FILE.fullmatch(name):
                numbers.add(int(match[1]))
        place = -1
        for number in sorted(numbers):
            stem = f"entries/{number:06d}"
            data = self.files.get(f"{stem}.json")
            if data is None:
                self.fail(f"{stem}.json", "The entry is missing; only its proof is here.")
                continue
            try:
                self.entries[number] = Entry.parse(data)
            except EntryError as error:
                self.fail(f"{stem}.json", str(error))
            place = max(place, self._proof(stem, data, place))

    def _proof(self, stem: str, data: bytes, after: int) -> int:
        """Check that an entry is in the tree; returns its index there, or -1."""
        name = f"{stem}.tlog-proof"
        if self.head is None:
            return -1
        try:
            index, hashes, note = parse_proof(self.files[name].decode())
            verify_inclusion(leaf_hash(data), index, self.head.size, hashes, self.head.root)
        except KeyError:
            self.fail(name, "The proof is missing, so nothing shows that the entry was logged.")
            return -1
        except UnicodeDecodeError:
            self.fail(name, "The proof is not text.")
            return -1
        except (CheckpointError, ProofError) as error:
            self.fail(name, f"The entry is not proved to be in the log: {error}.")
            return -1
        if note != self.note:
            self.fail(name, "The proof is for another checkpoint than this bundle's.")
        if index <= after:
            self.fail(name, "The entry stands in the log before one that it should follow.")
        return index

    def _chain(self) -> None:
        if not self.entries:
            return self.fail("entries", "There is no entry that can be read.")
        incident = self.entries[min(self.entries)].incident
        ids: set[str] = set()
        previous = -1
        for number, entry in sorted(self.entries.items()):
            place = f"entries/{number:06d}.json"
            if number != previous + 1:
                self.fail(
                    place, f"Entries {previous + 1} to {number - 1} are missing: left out, lost, or not readable."
                )
            previous = number
            before = self.entries.get(number - 1)
            if entry.seq != number:
                self.fail(place, f"The entry has number {entry.seq}, and is filed as {number}.")
            if before and entry.prev != b64(leaf_hash(before.data)):
                self.fail(place, "The entry does not follow the one before it: one was changed, left out or put in.")
            if number == 0 and entry.prev:
                self.fail(place, "The first entry names one before it.")
            if (entry.log, entry.incident) != (self.verifier.name, incident):
                self.fail(place, f"The entry is of incident {entry.incident!r} in the log {entry.log!r}.")
            if entry.id in ids:
                self.fail(place, f"The id {entry.id} is used twice.")
            ids.add(entry.id)
        return None

    def _references(self) -> None:
        seen: set[str] = set()
        for number, entry in sorted(self.entries.items()):
            if entry.ref and entry.ref not in seen:
                self.fail(f"entries/{number:06d}.json", f"It answers the entry {entry.ref}, which is not before it.")
            seen.add(entry.id)

    def _export(self) -> Mapping[str, object]:
        """Check what each export entry says it counted; returns what the last one says."""
        said: Mapping[str, object] = {}
        for number, entry in sorted(self.entries.items()):
            if entry.kind == Kind.EXPORT:
                said = entry.part("export")
                if (said.get("count"), said.get("head")) != (number, entry.prev):
                    self.fail(f"entries/{number:06d}.json", "The export entry does not count the entries before it.")
        if not self.entries or self.entries[max(self.entries)].kind != Kind.EXPORT:
            self.fail("entries", "The last entry is not the export's own: the end of the incident was left out.")
            return {}
        return said

    def _manifest(self, said: Mapping[str, object]) -> None:
        data = self.files.get("manifest.json")
        if data is None:
            return self.fail("manifest.json", "The manifest is missing.")
        if said and said.get("manifest_sha256") != sha256_hex(data):
            self.fail("manifest.json", "The manifest is not the one that the export entry names.")
        try:
            manifest = parse_json(data)
        except ValueError as error:
            return self.fail("manifest.json", f"The manifest cannot be read: {error}.")
        if (
            not isinstance(manifest, dict)
            or manifest.keys() != _MANIFEST_KEYS
            or not isinstance(manifest["files"], dict)
        ):
            return self.fail("manifest.json", "The manifest has not the fields that it must have.")
        if said and (manifest["count"], manifest["head"]) != (said.get("count"), said.get("head")):
            self.fail("manifest.json", "The manifest counts other entries than the export entry.")
        return self._files(manifest["files"])

    def _files(self, listed: Mapping[str, object]) -> None:
        for name, digest in listed.items():
            data = self.files.get(name)
            if data is None:
                self.fail(name, "The file is in the manifest and not in the bundle.")
            elif sha256_hex(data) != digest:
                self.fail(name, "The file is not the one that the manifest names: it was changed.")
        # A disclosure proves itself by its digest, so that whoever hands the bundle on may leave some out.
        proved = {"checkpoint", "manifest.json", FILE} | {f"entries/{number:06d}.tlog-proof" for number in self.entries}
        if self.entries:
            proved.add(f"entries/{max(self.entries):06d}.json")
        for name in self.files.keys() - listed.keys() - proved:
            self.fail(name, "The file is not in the manifest: it was put in, or renamed.")

    def _open_ends(self) -> None:
        entries = [entry for _, entry in sorted(self.entries.items())]
        for entry in unresolved(entries):
            action = entry.part("action")
            what = " ".join(str(action[key]) for key in ("name", "target") if action.get(key)) or entry.kind
            say = f"{what} was begun at {entry.recorded_at}, and nothing says how it ended."
            self.findings.append(Finding(Class.UNRESOLVED, f"entries/{entry.seq:06d}.json", say))
        for entry in entries:
            for item in evidence_of(entry):
                digest = item.get("sha256")
                if digest and f"evidence/{digest}" not in self.files:
                    say = f"The evidence {digest} that entry {entry.seq} names is not in this bundle."
                    self.findings.append(Finding(Class.WITHHELD, f"entries/{entry.seq:06d}.json", say))
        if entries:
            say = (
                f"None of these {len(entries)} entries is anchored outside the log's own host. The owner, or a thief of"
                " the key, could have written another past. Compare the checkpoint with one that you kept."
            )
            self.findings.append(Finding(Class.UNANCHORED, "checkpoint", say))

    def _sealed(self) -> None:
        """Which values behind digests are here, which were erased, which are left out."""
        entries = [entry for _, entry in sorted(self.entries.items())]
        disclosed, faults = read_lines(self.files.get(FILE, b""))
        for fault in faults:
            self.fail(FILE, fault)
        gone, known = erased(entries), set[str]()
        for entry in entries:
            digests = sealed(entry)
            known.update(digests)
            closed = [one for one in digests if one not in disclosed]
            said = sorted({gone[one] for one in closed if one in gone})
            counts = {Class.ERASED: sum(one in gone for one in closed)}
            counts[Class.WITHHELD] = len(closed) - counts[Class.ERASED]
            where = f"entries/{entry.seq:06d}.json"
            if count := counts[Class.ERASED]:
                by = f"{'entry' if len(said) == 1 else 'entries'} {', '.join(map(str, said))}"
                say = f"{count} of {len(digests)} values behind digests of entry {entry.seq} were erased: {by}."
                self.findings.append(Finding(Class.ERASED, where, say))
            if count := counts[Class.WITHHELD]:
                say = f"{count} of {len(digests)} values behind digests of entry {entry.seq} are not in this bundle."
                self.findings.append(Finding(Class.WITHHELD, where, say))
        if strange := disclosed.keys() - known:
            self.fail(FILE, f"{len(strange)} disclosures belong to no digest of these entries: they were put in.")


def as_json(verification: Verification) -> str:
    """A verification as JSON, for machines."""
    fields = {name: getattr(verification, name) for name in Verification.__slots__ if name != "findings"}
    findings = [{"class": item.kind.value, "place": item.place, "say": item.say} for item in verification.findings]
    return json.dumps({**fields, "findings": findings}, indent=2)
