"""The wheel: one top-level name, the worker's side as it stands in the checkout, and a command that runs from it."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
APP = ("activities", "runbooks", "workflows")
CACHES = {"__pycache__", ".ruff_cache", ".mypy_cache", ".pytest_cache", ".import_linter_cache"}


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; the test fails with all of its output if it does not exit with 0."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without network."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """The folder of programs of a fresh environment with the wheel in it; third parties come from this environment."""
    fresh = wheel.parent / "fresh"
    run(sys.executable, "-m", "venv", "--without-pip", fresh, cwd=wheel.parent)
    packages = next(fresh.glob("lib/python*/site-packages"))
    # A path in a .pth file is searched after the environment's own, and its own .pth files (our editable install) are not read.
    (packages / "third-parties.pth").write_text(sysconfig.get_path("purelib") + "\n")
    uv = Path(sys.executable).with_name("uv")
    run(uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", fresh / "bin/python", wheel, cwd=fresh)
    return fresh / "bin"


def application(root: Path) -> dict[str, bytes]:
    """Every file of the worker's side under `root`, by its path there."""
    files = [root / "worker.py"]
    for name in APP:
        files += [path for path in (root / name).rglob("*") if path.is_file() and not CACHES & set(path.parts)]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_wheel_has_one_top_level_name(wheel: Path) -> None:
    """No wheel of ours puts `workflows` or `activities` where other packages have theirs."""
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"firedoor"}


def test_wheel_holds_the_checkout(wheel: Path) -> None:
    """The bundled application is the checkout's, byte for byte, no file more or less."""
    prefix = "firedoor/_app/"
    with zipfile.ZipFile(wheel) as archive:
        bundled = {
            name.removeprefix(prefix): archive.read(name) for name in archive.namelist() if name.startswith(prefix)
        }
    assert sorted(bundled) == sorted(application(ROOT))
    assert bundled == application(ROOT)


def test_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    """Templates, SQL and other data of the package are in the wheel, not only modules."""
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith("firedoor/_app/")}
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "firedoor").rglob("*")
        if path.is_file() and not CACHES & set(path.parts)
    }
    assert {name for name in shipped if name.startswith("firedoor/")} == package


def test_source_distribution_has_no_caches(tmp_path: Path) -> None:
    """What is uploaded holds sources: no cache, no environment, no measurement."""
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        parts = {part for name in archive.getnames() for part in Path(name).parts}
    assert {"pyproject.toml", "worker.py", "Makefile", "requirements"} <= parts
    assert not (CACHES | {".venv", ".coverage"}) & parts


def test_installed_package_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    """What the fresh environment imports is the wheel's, and its application lies inside."""
    code = "from firedoor.app import app_folder; print(app_folder())"
    folder = Path(run(installed / "python", "-c", code, cwd=tmp_path).strip())
    assert folder.is_relative_to(installed.parent)
    assert folder.name == "_app"


def test_installed_command_helps(installed: Path, tmp_path: Path) -> None:
    """`firedoor --help` works from the wheel."""
    assert "drill" in run(installed / "firedoor", "--help", cwd=tmp_path)


def test_installed_command_knows_the_steps(installed: Path, tmp_path: Path) -> None:
    """`firedoor steps` works from the wheel and knows the step that the product is about."""
    steps = json.loads(run(installed / "firedoor", "steps", "-o", "json", cwd=tmp_path))
    assert "aws.iam.deactivate_access_key" in json.dumps(steps)


def test_installed_runbooks_compile(installed: Path, tmp_path: Path) -> None:
    """The runbooks that the wheel ships are found and compile from there."""
    policy = run(installed / "firedoor", "steps", "--policy", "aws-access-key-leaked", cwd=tmp_path)
    assert "iam:UpdateAccessKey" in policy
