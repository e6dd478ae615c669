"""Which variables a text of a notice uses, and which of them there are not. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from jinja2 import nodes

from firedoor.names import nearest
from firedoor.notices.manifest import Manifest
from firedoor.notices.variables import CREDENTIAL, FIELDS, NAMES

_LOOP = frozenset({"index", "index0", "first", "last", "length", "revindex"})


@dataclass(slots=True)
class Uses:
    """What one text uses: `links.public`, `values.happened`, `reminder`; and what of it is wrong, with its line."""

    names: set[str] = field(default_factory=set)
    wrong: list[tuple[int, str]] = field(default_factory=list)


def uses(tree: nodes.Template, manifest: Manifest) -> Uses:
    """The variables of a text."""
    known = {**FIELDS, "values": frozenset(manifest.variables), "loop": _LOOP}
    own = {target.name: _fields(loop, target) for loop in tree.find_all(nodes.For) for target in _targets(loop.target)}
    own |= {one.name: None for assign in tree.find_all(nodes.Assign) for one in _targets(assign.target)}
    found = Uses()
    inner: set[int] = set()
    looks: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]
    for look in looks:
        root, name = look.node, _field(look)
        if not isinstance(root, nodes.Name) or name is None:
            continue
        inner.add(id(root))
        fields = own[root.name] if root.name in own else known.get(root.name)
        found.names.add(f"{root.name}.{name}")
        if root.name not in own and root.name not in known:
            found.wrong.append((look.lineno, _unknown(root.name)))
        elif fields is not None and name not in fields:
            found.wrong.append((look.lineno, _no_field(root.name, name, fields)))
    for one in tree.find_all(nodes.Name):
        if one.ctx != "load" or one.name in own or id(one) in inner:
            continue
        found.names.add(one.name)
        if one.name not in NAMES:
            found.wrong.append((one.lineno, _unknown(one.name)))
    return found


def _field(look: nodes.Getattr | nodes.Getitem) -> str | None:
    if isinstance(look, nodes.Getattr):
        return look.attr
    return look.arg.value if isinstance(look.arg, nodes.Const) and isinstance(look.arg.value, str) else None


def _targets(target: nodes.Node) -> Iterator[nodes.Name]:
    if isinstance(target, nodes.Name):
        yield target
    for child in target.iter_child_nodes():
        yield from _targets(child)


def _fields(loop: nodes.For, target: nodes.Name) -> frozenset[str] | None:
    """The fields of what a loop goes over; None where that is not known."""
    return (
        CREDENTIAL
        if loop.target is target and isinstance(loop.iter, nodes.Name) and loop.iter.name == "credentials"
        else None
    )


def _unknown(name: str) -> str:
    return f"There is no variable {name}. {nearest(name, sorted(NAMES))}"


def _no_field(root: str, name: str, fields: frozenset[str]) -> str:
    if root == "values":
        return f"values.{name} is not declared: write [variables.{name}] in notice.toml, or correct the name."
    return f"{root} has no {name}. {nearest(name, sorted(fields))}"
