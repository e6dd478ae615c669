"""How far a `for_each` is, how fast it goes, and when it will be done. Pure."""

import datetime

from firedoor.cli.views.scene import Scene, average
from firedoor.incident import Progress, StepState, StepView
from firedoor.phrases import counts
from firedoor.words import clock, duration

BAR = 10


def reached(progress: Progress) -> int:
    """How many targets have ended, one way or the other."""
    return progress.done + progress.failed


def tenth(progress: Progress) -> int:
    """How many tenths are done, from 0 to 10; only all of them are 10."""
    return BAR * reached(progress) // progress.total if progress.total else 0


def bar(progress: Progress) -> str:
    """`████░░░░░░`."""
    full = tenth(progress)
    return "█" * full + "░" * (BAR - full)


def line(scene: Scene, step: StepView, *, terse: bool = False) -> str:
    """The bar, the counts, the speed and the estimated end; `terse` leaves out what takes room."""
    progress = step.progress
    if progress is None or not progress.total:
        return ""
    speed = _speed(scene, step, progress, terse=terse)
    if terse:
        failed = f"{progress.failed:,} failed" if progress.failed else ""
        return " · ".join(part for part in (f"{100 * reached(progress) // progress.total} %", speed, failed) if part)
    return " · ".join(part for part in (f"{bar(progress)} {counts(progress)}", speed) if part)


def _speed(scene: Scene, step: StepView, progress: Progress, *, terse: bool) -> str:
    left = progress.total - reached(progress)
    rate = scene.rates.get((scene.view.id, step.id), average(step, scene.now))
    if step.state is not StepState.RUNNING or not left or rate is None:
        return ""
    if not rate:
        return "stands still"
    seconds = left / rate
    if terse:
        return f"{duration(seconds)} left"
    end = clock((scene.now + datetime.timedelta(seconds=seconds)).isoformat(), scene.now)
    return f"{per_second(rate)} · {duration(seconds)} left, till {end}"


def per_second(rate: float) -> str:
    """`412/s`, `3.2/s`, or `12/min` where it is slow."""
    if rate >= 10:
        return f"{rate:,.0f}/s"
    return f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min"
