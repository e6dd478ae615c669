"""The export of one incident: a file that others verify with nothing but the log's public key.

The export is itself recorded: the last entry in the bundle counts the entries before it and holds the SHA-256 of
`manifest.json`, which holds the SHA-256 of every other file that has no proof of its own.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from firedoor.canonical import canonical_bytes, sha256_hex
from firedoor.errors import UsageError
from firedoor.timeline.bundle import pack
from firedoor.timeline.checkpoint import CheckpointError, b64, open_note
from firedoor.timeline.disclosures import Disclosures
from firedoor.timeline.entry import Draft, Kind, TimelineError
from firedoor.timeline.proof import format_proof
from firedoor.timeline.render import evidence_of, markdown
from firedoor.timeline.sealed import FILE, erased, lines, sealed
from firedoor.timeline.store import MovedError, Stored, Timeline
from firedoor.timeline.tree import ProofError, leaf_hash, verify_inclusion

#: How often an export starts again because the incident went on meanwhile.
_TRIES = 20

_VERIFY = """# How to verify this bundle

It holds one incident of the log `{log}`. You need this file and the log's public key, which you should have from
somewhere else than this file: the key's id is `{key_id}`.

    firedoor verify FILE.zip --key FILE.pub

It says what FAILED, what is UNRESOLVED (begun, with no recorded end), ERASED (a value that was erased, as an entry
says), WITHHELD (evidence, or a value, that is not in this bundle) and UNANCHORED (nothing outside the log's own host
has seen it).

## By hand

- `checkpoint` is a C2SP signed note (c2sp.org/signed-note, c2sp.org/tlog-checkpoint): the log's name, the number of
  its entries, and the root of its Merkle tree (RFC 6962, SHA-256), signed with Ed25519.
- `entries/N.json` is entry N of the incident, exactly as it was hashed: SHA-256 over a zero byte and the file.
- `entries/N.tlog-proof` proves that it is in the tree (c2sp.org/tlog-proof).
- `seq` counts an incident's entries from 0, and `prev` is the base64 of the hash of the one before: none is missing.
- The last entry has kind `export`. It names the number of entries before it, and the SHA-256 of `manifest.json`, which
  names the SHA-256 of every other file.
- A file in `evidence/` is called by its SHA-256, under which entries refer to it.
- A list `_sd` in an entry holds digests of values that may be erased (RFC 9901): the base64url of SHA-256 over the text
  `disclosure` of a line of `disclosures.jsonl`, which is the base64url of `[salt, key, value]`. Without that file, or
  without a line of it, the rest verifies as before.

What no check of this file can show: whether the log's owner, or a thief of its key, wrote a second log with another
past. Only copies of checkpoints outside the owner's reach show that. Compare `checkpoint` with any that you kept.
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """A written export: how many entries it holds (its own included), and the SHA-256 of the file in hex."""

    path: Path
    entries: int
    sha256: str


def export(
    timeline: Timeline,
    incident: str,
    path: Path,
    requested_by: str,
    purpose: str = "",
    *,
    disclosures: Disclosures | None = None,
) -> Exported:
    """Record the export of an incident, and write its bundle to `path`. Who requests it is a human if a `user:`.

    With `disclosures` the values behind digests go with it, as far as they were not erased; else they are withheld.

    Raises `UsageError` for an incident without entries or a path that is taken, `TimelineError` when the timeline does
    not verify.
    """
    if path.exists():
        raise UsageError(f"{path} exists.", changed="It was not touched.", next="Give the export another name.")
    if not path.parent.is_dir():
        raise UsageError(f"The folder {path.parent} does not exist.", next="Create it, or name another one.")
    actor = {"kind": "human" if requested_by.startswith("user:") else "system", "id": requested_by}
    for _ in range(_TRIES):
        stored = timeline.entries(incident)
        if not stored:
            raise UsageError(f"The timeline has no incident {incident!r}.", next="`firedoor list` shows the incidents.")
        files = _contents(timeline, stored)
        manifest = _manifest(stored, files)
        files["manifest.json"] = manifest
        texts = _disclosed(stored, disclosures)
        if texts:
            files[FILE] = lines(texts)
        try:
            timeline.commit(
                [timeline.prepare(_entry(stored, manifest, actor, purpose, len(texts)))],
                expect=(incident, len(stored)),
            )
        except MovedError:
            continue
        return _write(timeline, incident, files, len(stored) + 1, path)
    raise TimelineError(
        f"Incident {incident} kept getting new entries while it was exported.", next="Export it when it is quieter."
    )


def _contents(timeline: Timeline, stored: list[Stored]) -> dict[str, bytes]:
    """All files that the manifest covers."""
    entries = [item.entry for item in stored]
    verifier = timeline.verifier
    files = {
        "VERIFY.md": _VERIFY.format(log=verifier.name, key_id=verifier.id.hex()).encode(),
        "timeline.md": markdown(entries).encode(),
    }
    for entry in entries:
        files[f"entries/{entry.seq:06d}.json"] = entry.data
        for item in evidence_of(entry):
            digest = str(item.get("sha256", ""))
            data = timeline.evidence(digest) if digest else None
            if data is not None:
                files[f"evidence/{digest}"] = data
    return files


def _disclosed(stored: list[Stored], disclosures: Disclosures | None) -> dict[str, str]:
    """The disclosures of an incident's digests, without those that an entry says were erased."""
    if disclosures is None:
        return {}
    entries = [item.entry for item in stored]
    gone = erased(entries)
    return disclosures.texts(digest for entry in entries for digest in sealed(entry) if digest not in gone)


def _manifest(stored: list[Stored], files: dict[str, bytes]) -> bytes:
    last = stored[-1].entry
    return canonical_bytes(
        {
            "v": 1,
            "log": last.log,
            "incident": last.incident,
            "count": len(stored),
            "head": b64(leaf_hash(last.data)),
            "files": {name: sha256_hex(data) for name, data in files.items()},
        }
    )


def _entry(stored: list[Stored], manifest: bytes, actor: dict[str, str], purpose: str, disclosed: int) -> Draft:
    last = stored[-1].entry
    digest = sha256_hex(manifest)
    body = {
        "actor": actor,
        "export": {
            "count": len(stored),
            "head": b64(leaf_hash(last.data)),
            "manifest_sha256": digest,
            "purpose": purpose,
        }
        | ({"disclosed": disclosed} if disclosed else {}),
        "say": f"The {len(stored)} entries before this one were exported{f' for {purpose}' if purpose else ''}.",
    }
    return Draft(Kind.EXPORT, last.incident, f"export/{last.incident}/{len(stored)}/{digest}", body)


def _write(timeline: Timeline, incident: str, files: dict[str, bytes], count: int, path: Path) -> Exported:
    note = timeline.checkpoint()
    head = open_note(note, timeline.verifier)
    stored = timeline.entries(incident)[:count]
    proofs = timeline.proofs([item.idx for item in stored], head.size)
    for item, hashes in zip(stored, proofs, strict=True):
        name = f"entries/{item.entry.seq:06d}"
        # A bundle that does not verify must not leave the house.
        try:
            verify_inclusion(leaf_hash(item.entry.data), item.idx, head.size, hashes, head.root)
        except (ProofError, CheckpointError) as error:
            raise TimelineError(f"Entry {item.entry.seq} of {incident} is not what was signed: {error}.") from None
        files[f"{name}.json"] = item.entry.data
        files[f"{name}.tlog-proof"] = format_proof(item.idx, hashes, note).encode()
    files["checkpoint"] = note.encode()
    data = pack(files)
    _write_once(path, data)
    return Exported(path, count, sha256_hex(data))


def _write_once(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except OSError as error:
        raise TimelineError(
            f"The export could not be written to {path}: {error.strerror}.",
            changed="The timeline has recorded that it was asked for; no file was left.",
            next="Export it again to another place.",
        ) from None
    finally:
        draft.unlink(missing_ok=True)
