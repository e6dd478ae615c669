"""The outbox: one row for each message to a customer, and what became of it. The only writer is `store.Outbox`.

Every change of a row is in the timeline: it is written down beside the row in the same transaction (`change`), and
`publishing` carries it over, once.
"""
