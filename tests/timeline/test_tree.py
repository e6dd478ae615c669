"""The Merkle tree, against the reference vectors and against itself."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.timeline import tree
from tests.shared import SHARED, needs_shared

VECTORS = SHARED / "vectors" / "rfc6962-merkle"


def vectors(kind: str) -> list[Any]:
    """Every vector of one kind, with its file name as the test's id."""
    folder = VECTORS / kind
    return [
        pytest.param(json.loads(path.read_text()), id=str(path.relative_to(folder)))
        for path in sorted(folder.rglob("*.json"))
    ]


def decode(value: str | None) -> bytes:
    """The bytes of a vector's base64 value."""
    return base64.b64decode(value or "")


@needs_shared
def test_vectors_are_complete() -> None:
    """All 98 + 98 reference vectors are run, not an empty folder."""
    assert (len(vectors("inclusion")), len(vectors("consistency"))) == (98, 98)


@pytest.mark.parametrize("case", vectors("inclusion"))
def test_inclusion_vectors(case: dict[str, Any]) -> None:
    """Each reference inclusion proof is accepted or refused as the reference says."""
    proof = [decode(value) for value in case["proof"] or ()]
    arguments = (decode(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, decode(case["root"]))
    if case["wantErr"]:
        with pytest.raises(tree.ProofError):
            tree.verify_inclusion(*arguments)
    else:
        tree.verify_inclusion(*arguments)


@pytest.mark.parametrize("case", vectors("consistency"))
def test_consistency_vectors(case: dict[str, Any]) -> None:
    """Each reference consistency proof is accepted or refused as the reference says."""
    proof = [decode(value) for value in case["proof"] or ()]
    arguments = (case["size1"], case["size2"], proof, decode(case["root1"]), decode(case["root2"]))
    if case["wantErr"]:
        with pytest.raises(tree.ProofError):
            tree.verify_consistency(*arguments)
    else:
        tree.verify_consistency(*arguments)


def leaves_of(size: int) -> list[bytes]:
    """The leaf hashes of a tree of `size` distinct leaves."""
    return [tree.leaf_hash(str(number).encode()) for number in range(size)]


def subtrees(leaves: list[bytes]) -> tree.Subtree:
    """A reader of complete subtrees, by the definition."""
    return lambda level, index: tree.root_of(leaves[index << level : (index + 1) << level])


def textbook_root(leaves: list[bytes]) -> bytes:
    """The root by the recursive definition of RFC 6962, section 2.1."""
    if not leaves:
        return tree.EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return tree.node_hash(textbook_root(leaves[:split]), textbook_root(leaves[split:]))


@given(st.integers(min_value=0, max_value=70))
def test_root_is_the_textbook_root(size: int) -> None:
    """The growing edge gives the root of the recursive definition at every size."""
    assert textbook_root(leaves_of(size)) == tree.root_of(leaves_of(size))


@given(st.data(), st.integers(min_value=1, max_value=70))
def test_inclusion_round_trip(data: st.DataObject, size: int) -> None:
    """Every proof we make is accepted for its leaf, and refused for another."""
    leaves = leaves_of(size)
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    root = tree.root_of(leaves)
    proof = tree.inclusion_proof(index, size, subtrees(leaves))
    tree.verify_inclusion(leaves[index], index, size, proof, root)
    with pytest.raises(tree.ProofError):
        tree.verify_inclusion(tree.leaf_hash(b"another"), index, size, proof, root)


@given(st.data(), st.integers(min_value=1, max_value=70))
def test_consistency_round_trip(data: st.DataObject, size: int) -> None:
    """Every consistency proof we make is accepted, and refused for a rewritten past."""
    leaves = leaves_of(size)
    old = data.draw(st.integers(min_value=1, max_value=size))
    root = tree.root_of(leaves)
    proof = tree.consistency_proof(old, size, subtrees(leaves))
    tree.verify_consistency(old, size, proof, tree.root_of(leaves[:old]), root)
    with pytest.raises(tree.ProofError):
        tree.verify_consistency(old, size, proof, tree.leaf_hash(b"another past"), root)


@given(st.integers(min_value=0, max_value=300))
def test_edge_nodes_rebuild_the_edge(size: int) -> None:
    """The subtrees named by `edge_nodes` are the edge."""
    leaves = leaves_of(size)
    read = subtrees(leaves)
    edge = tree.Edge(size, [read(level, index) for level, index in tree.edge_nodes(size)])
    assert tree.root_of(leaves) == edge.root()


def test_kept_subtrees_are_the_complete_ones() -> None:
    """Appending keeps exactly the complete subtrees at the wanted levels."""
    leaves = leaves_of(40)
    edge = tree.Edge()
    kept: dict[tuple[int, int], bytes] = {}
    for leaf in leaves:
        edge.append(leaf, kept, 2)
    assert {(2, index) for index in range(10)} | {(4, 0), (4, 1)} == set(kept)
    assert subtrees(leaves)(4, 1) == kept[4, 1]


def test_wrong_questions_are_refused() -> None:
    """No proof for a leaf outside the tree, from size 0, or backwards; no edge of the wrong shape."""
    read = subtrees(leaves_of(4))
    with pytest.raises(tree.ProofError):
        tree.inclusion_proof(4, 4, read)
    for old in (0, 5):
        with pytest.raises(tree.ProofError):
            tree.consistency_proof(old, 4, read)
    with pytest.raises(ValueError, match="a tree of 3 leaves has 2 subtrees"):
        tree.Edge(3, [tree.EMPTY_ROOT])
