"""The inventory: which credentials there are, where they live, who uses them, and which customers depend on them.

`inventory.yaml` is written by people and filled by `firedoor inventory import`. Pure, but for reading the file.
"""

from firedoor.inventory.model import Consumer, Customer, Entry, Inventory, Reach
from firedoor.inventory.reading import load_inventory, parse

__all__ = ["Consumer", "Customer", "Entry", "Inventory", "Reach", "load_inventory", "parse"]
