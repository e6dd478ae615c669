"""A picture of a plan: its steps, what waits for what, who must agree, and what it touches.

`svg(plan, view)` is pure and needs nothing but the standard library.
"""

from firedoor.graph.picture import svg

__all__ = ["svg"]
