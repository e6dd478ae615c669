"""One entry's proof as a file: C2SP tlog-proof, version 1 (https://c2sp.org/tlog-proof). Pure."""

from collections.abc import Sequence

from firedoor.timeline.checkpoint import CheckpointError, b64, number, unb64
from firedoor.timeline.tree import HASH_SIZE

_HEADER = "c2sp.org/tlog-proof@v1"
#: More siblings than any tree has whose size fits in 63 bits.
_MAX_HASHES = 63


def format_proof(index: int, hashes: Sequence[bytes], note: str) -> str:
    """The proof that entry `index` is in the tree that the signed checkpoint `note` covers."""
    return "\n".join([_HEADER, f"index {index}", *map(b64, hashes), "", note])


def parse_proof(text: str) -> tuple[int, list[bytes], str]:
    """Index, hashes and signed checkpoint of a proof. Raises `CheckpointError`; also for extra data: we write none."""
    head, gap, note = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or lines[0] != _HEADER or len(lines) < 2 or not lines[1].startswith("index "):
        raise CheckpointError(f"a proof begins with {_HEADER!r} and the entry's index")
    if len(lines) - 2 > _MAX_HASHES:
        raise CheckpointError(f"a proof of more than {_MAX_HASHES} hashes")
    return number(lines[1].removeprefix("index ")), [unb64(line, HASH_SIZE) for line in lines[2:]], note
