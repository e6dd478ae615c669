"""Who has been told the same by another campaign."""

import json
import sqlite3
from collections.abc import Sequence

from firedoor.recipient import CampaignRow


def others(database: sqlite3.Connection, row: CampaignRow, since: float) -> dict[int, str]:
    """The other campaigns with the same notice in the same version that told anybody since then: their ids by number.

    A drill has told nobody, unless it is a drill that asks.
    """
    query = """SELECT campaign.number, id FROM campaign JOIN bulletin ON bulletin.number = campaign.bulletin
        WHERE notice = ? AND version = ? AND id != ? AND drill = ? AND flow != 'prepared' AND EXISTS
            (SELECT 1 FROM recipient WHERE recipient.campaign = campaign.number AND reached > ?)"""
    key = (row.spec.notice, row.spec.version, row.id, row.drill, since)
    return dict(database.execute(query, key))


def told(
    database: sqlite3.Connection, numbers: Sequence[int], customers: Sequence[str], since: float
) -> list[tuple[str, int, float]]:
    """Of these customers those that these campaigns have reached since then: customer, campaign, when."""
    # In this order each is one look into the index of (campaign, customer).
    query = """SELECT customer, campaign, reached FROM json_each(?) AS one CROSS JOIN json_each(?) AS who
        CROSS JOIN recipient ON recipient.campaign = one.value AND recipient.customer = who.value WHERE reached > ?"""
    values = (json.dumps(list(numbers)), json.dumps(list(customers)), since)
    return [(customer, campaign, reached) for customer, campaign, reached in database.execute(query, values)]
