"""The shape of the code: who may import whom, and how large things may grow (style: CONTRIBUTING.md)."""

import ast
import graphlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("firedoor", "workflows", "activities", "worker.py")
AROUND = ("tests", "benchmarks", "docs")
FILE_LINES, FUNCTION_LINES = 400, 50
TEST_FILE_LINES, TEST_FUNCTION_LINES = 600, 80


def sources(roots: tuple[str, ...] = PRODUCT) -> Iterator[Path]:
    """Every Python file under the named files and folders of the repository."""
    for name in roots:
        root = ROOT / name
        yield from [root] if root.is_file() else sorted(root.rglob("*.py"))


@cache
def graph() -> grimp.ImportGraph:
    """The imports of the product: also those for type checkers only, and those inside functions."""
    return grimp.build_graph("firedoor", "workflows", "activities", cache_dir=None)


def contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter's contracts on the tree in `folder`."""
    command = (Path(sys.executable).with_name("lint-imports"), "--no-cache")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_import_contracts_are_kept() -> None:
    """Every contract of pyproject.toml holds."""
    done = contracts(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("workflows/incident.py", "import firedoor.compiler", "Workflow code reaches no I/O"),
        ("workflows/incident.py", "import yaml", "Workflow code reaches no I/O"),
        ("firedoor/plan.py", "import firedoor.engine", "The product package, top to bottom"),
        ("firedoor/engine/incidents.py", "import activities", "The worker's side stands on the product package"),
        ("firedoor/deliveries/store.py", "import firedoor.slack.store", "The product package, top to bottom"),
        ("firedoor/slack/outbound/telling.py", "import firedoor.slack.inbound.people", "Slack, top to bottom"),
        ("firedoor/server/site.py", "import firedoor.server.hooks", "The server, top to bottom"),
        ("firedoor/slack/drawing/blocks.py", "import asyncio", "Alerts and what Slack shows are pure"),
        ("firedoor/alerts/github.py", "import firedoor.turn", "Alerts and what Slack shows are pure"),
    ],
)
def test_a_breach_is_caught(module: str, line: str, contract: str, tmp_path: Path) -> None:
    """The contracts are awake: a planted import breaks the one that forbids it."""
    for package in ("firedoor", "workflows", "activities"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted = tmp_path / module
    planted.write_text(f"{planted.read_text()}\n{line}\n")
    done = contracts(tmp_path)
    assert done.returncode == 1
    assert re.search(rf"^{re.escape(contract)}.* BROKEN$", done.stdout, re.MULTILINE), done.stdout


def test_no_import_cycles() -> None:
    """No module waits for itself, not even for type checkers or inside a function."""
    imports = {module: graph().find_modules_directly_imported_by(module) for module in graph().modules}
    graphlib.TopologicalSorter(imports).prepare()


def test_workflow_knows_little() -> None:
    """All that a workflow's code reaches of us is small enough to read before changing what is replayed."""
    reached = set[str]()
    for module in graph().find_descendants("workflows"):
        reached |= graph().find_upstream_modules(module)
    product = {module for module in reached if module.startswith("firedoor.")}
    assert len(product) <= 11, sorted(product)


def test_package_imports_nothing() -> None:
    """`import firedoor` is free: its `__init__` holds a docstring."""
    tree = ast.parse((ROOT / "firedoor/__init__.py").read_text())
    assert [type(node) for node in tree.body] == [ast.Expr]


def oversized(path: Path, file_lines: int, function_lines: int) -> Iterator[str]:
    """What of a file is over budget, one sentence each."""
    name = path.relative_to(ROOT)
    text = path.read_text()
    if (count := len(text.splitlines())) > file_lines:
        yield f"{name} has {count} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            if length > function_lines:
                yield f"{name}:{node.lineno} {node.name} has {length} lines"


def test_product_stays_within_its_budgets() -> None:
    """Files of at most 400 lines, functions of at most 50."""
    assert [row for path in sources() for row in oversized(path, FILE_LINES, FUNCTION_LINES)] == []


def test_tests_stay_within_their_budgets() -> None:
    """Tests and benchmarks: files of at most 600 lines, functions of at most 80."""
    rows = [row for path in sources(AROUND) for row in oversized(path, TEST_FILE_LINES, TEST_FUNCTION_LINES)]
    assert rows == []


def test_one_reader_of_the_environment() -> None:
    """Only `firedoor/config.py` reads the environment: everything else takes `Settings`."""
    reading = re.compile(r"\bos\.environ\b|\bos\.getenv\b|from os import .*\b(environ|getenv)\b")
    readers = {str(path.relative_to(ROOT)) for path in sources() if reading.search(path.read_text())}
    assert readers == {"firedoor/config.py"}


def test_nothing_is_silenced() -> None:
    """No check is switched off on a line: a rule that does not fit is argued about in pyproject.toml."""
    silencer = re.compile(
        "# (" + "|".join(("noqa", "type: " + "ignore", "pragma: " + "no cover", "pyright: ignore")) + ")"
    )
    rows = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources(PRODUCT + AROUND)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if silencer.search(line) and path != Path(__file__)
    ]
    assert rows == []


#: What the project is founded on, and installed with from the first release; chat will import it.
FOUNDATION = {"slack-sdk"}
#: What is read, not imported: the time zones.
DATA = {"tzdata"}
#: Halves of a declared package that are imported by their own names.
HALVES = {"botocore": "boto3", "pydantic-core": "pydantic"}


def test_dependencies_are_declared_and_used() -> None:
    """What the product imports is in pyproject.toml, and what is there is imported: nobody installs what nobody needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[<>=~! \[]", requirement)[0] for requirement in project["dependencies"]}
    everything = grimp.build_graph(
        "firedoor", "workflows", "activities", include_external_packages=True, cache_dir=None
    )
    named = {module for module in everything.modules if everything.is_module_squashed(module)}
    distributions = importlib.metadata.packages_distributions()
    imported = {
        distributions[name][0].lower().replace("_", "-")
        for name in named - set(sys.stdlib_module_names) - {"ministack"}
        if name in distributions
    }
    assert {HALVES.get(name, name) for name in imported} | FOUNDATION | DATA == declared
