"""How long `firedoor --help` takes, as a person waits for it: the whole process, from start to exit."""

import subprocess
import sys
import time
from pathlib import Path

RUNS = 9

PROGRAM = Path(sys.executable).with_name("firedoor")


def measure(runs: int = RUNS) -> list[float]:
    """Seconds of each run, after one that fills the caches."""
    _once()
    return [_once() for _ in range(max(runs, 5))]


def _once() -> float:
    # `-m firedoor` where the package is not installed: the same door.
    command = [str(PROGRAM)] if PROGRAM.exists() else [sys.executable, "-m", "firedoor"]
    start = time.perf_counter()
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    assert "firedoor run" in done.stdout, done.stdout
    return seconds


if __name__ == "__main__":
    print(" ".join(f"{seconds:.3f}" for seconds in sorted(measure())))
