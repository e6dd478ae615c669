"""What a figure consists of, where it is more than its runs."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Measured:
    """The runs of a figure, and what else was measured in them: by name, with the unit at the name's end."""

    runs: list[float]
    detail: dict[str, float] = field(default_factory=dict)

    @property
    def rounded(self) -> dict[str, float]:
        """The detail as it is stored: at most four digits after the point."""
        return {name: round(value, 4) for name, value in self.detail.items()}
