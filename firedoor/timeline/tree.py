"""The Merkle tree of RFC 6962 / RFC 9162 over SHA-256: root, right edge, proofs and their verification.

Pure. It does not know what a leaf holds, where hashes are stored, or who signed a root.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

#: Gives the hash of the complete subtree `(level, index)`: the leaves from `index << level` on, `1 << level` of them.
Subtree = Callable[[int, int], bytes]


class ProofError(ValueError):
    """A proof that does not prove what it is said to prove; the message says why."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of one leaf: SHA-256(0x00 ‖ data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Edge:
    """The right edge of a growing tree: its size and the roots of its complete subtrees, largest first.

    Enough to append and to give the root; at most 64 hashes.
    """

    __slots__ = ("hashes", "size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if len(hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} subtrees on its edge, not {len(hashes)}")
        self.size = size
        self.hashes = list(hashes)

    def copy(self) -> "Edge":
        """An edge that grows on its own."""
        return Edge(self.size, self.hashes)

    def append(self, leaf: bytes, keep: dict[tuple[int, int], bytes] | None = None, every: int = 1) -> None:
        """Add one leaf hash. Subtrees completed by it, at levels that `every` divides, are put into `keep`."""
        node, level, index = leaf, 0, self.size
        while index & 1:
            node = node_hash(self.hashes.pop(), node)
            level += 1
            index >>= 1
            if keep is not None and level % every == 0:
                keep[level, index] = node
        self.hashes.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree of this size."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for node in reversed(self.hashes[:-1]):
            root = node_hash(node, root)
        return root


def edge_nodes(size: int) -> Iterator[tuple[int, int]]:
    """The complete subtrees `(level, index)` on the right edge of a tree of `size` leaves, largest first."""
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            yield level, start >> level
            start += 1 << level


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    edge = Edge()
    for leaf in leaves:
        edge.append(leaf)
    return edge.root()


def _range_root(start: int, end: int, subtree: Subtree) -> bytes:
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return subtree(level, start >> level)
    split = start + _split(width)
    return node_hash(_range_root(start, split, subtree), _range_root(split, end, subtree))


def _split(width: int) -> int:
    """The largest power of two smaller than `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The proof that leaf `index` is in the tree of `size` leaves, from the leaf upwards."""
    if not 0 <= index < size:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    start, end = 0, size
    path: list[tuple[int, int]] = []
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            path.append((split, end))
            end = split
        else:
            path.append((start, split))
            start = split
    return [_range_root(first, last, subtree) for first, last in reversed(path)]


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The proof that the tree of `new` leaves extends the tree of `old` leaves."""
    if not 0 < old <= new:
        raise ProofError(f"no consistency proof from size {old} to size {new}")
    start, end, whole = 0, new, True
    path: list[tuple[int, int]] = []
    while old != end:
        split = start + _split(end - start)
        if old <= split:
            path.append((split, end))
            end = split
        else:
            path.append((start, split))
            start, whole = split, False
    if not whole:
        path.append((start, end))
    return [_range_root(first, last, subtree) for first, last in reversed(path)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf` is leaf `index` of the tree of `size` leaves with this `root` (RFC 9162, 2.1.3.2).

    Raises `ProofError`.
    """
    if not 0 <= index < size:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    _check_hashes([leaf, root, *proof])
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise ProofError("the proof is too short")
    if node != root:
        raise ProofError("the proof leads to another root")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree `new`, `new_root` extends the tree `old`, `old_root` (RFC 9162, 2.1.4.2).

    Raises `ProofError`, also for `old` = 0: a proof from the empty tree proves nothing.
    """
    if old <= 0:
        raise ProofError("a consistency proof from size 0 proves nothing")
    if new < old:
        raise ProofError(f"a tree of {new} leaves cannot extend one of {old}")
    if old == new:
        if proof:
            raise ProofError("the proof between equal sizes must be empty")
        if old_root != new_root:
            raise ProofError("equal sizes with different roots")
        return
    if not proof:
        raise ProofError("the proof is empty")
    _check_hashes([old_root, new_root, *proof])
    if _climb(old, new, proof, old_root) != (old_root, new_root):
        raise ProofError("the proof leads to other roots")


def _climb(old: int, new: int, proof: Sequence[bytes], old_root: bytes) -> tuple[bytes, bytes]:
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    position, last = old - 1, new - 1
    while position & 1:
        position >>= 1
        last >>= 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("the proof is too long")
        if position & 1 or position == last:
            before = node_hash(sibling, before)
            after = node_hash(sibling, after)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            after = node_hash(after, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise ProofError("the proof is too short")
    return before, after


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(value) != HASH_SIZE for value in hashes):
        raise ProofError(f"a hash that is not {HASH_SIZE} bytes long")
