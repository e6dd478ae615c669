"""Deliveries: what alert sources have sent, kept durably, and what became of each."""

from firedoor.deliveries.database import StoreError
from firedoor.deliveries.delivery import Added, Delivery, Hit, NewDelivery, State
from firedoor.deliveries.dispatch import Dispatcher
from firedoor.deliveries.store import Deliveries

__all__ = ["Added", "Deliveries", "Delivery", "Dispatcher", "Hit", "NewDelivery", "State", "StoreError"]
