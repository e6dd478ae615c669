"""What a message and a campaign may become: the one place that says so. Pure.

The database holds the same pairs and refuses every other change (`database`), whoever writes it.
"""

from firedoor.campaign import Flow, MessageState

_ = MessageState

#: From each state of a message, those that may follow. What a provider tells late never undoes what came after it.
NEXT: dict[MessageState, frozenset[MessageState]] = {
    _.QUEUED: frozenset({_.SENDING, _.UNSENT}),
    # Back to `queued`: it has surely not been sent. Events and readers may overtake the answer of the transport.
    _.SENDING: frozenset(
        {_.QUEUED, _.SENT, _.DELIVERED, _.BOUNCED, _.COMPLAINED, _.FAILED, _.IN_DOUBT, _.ACKNOWLEDGED}
    ),
    _.SENT: frozenset({_.DELIVERED, _.BOUNCED, _.COMPLAINED, _.ACKNOWLEDGED, _.REMEDIATED}),
    _.DELIVERED: frozenset({_.BOUNCED, _.COMPLAINED, _.ACKNOWLEDGED, _.REMEDIATED}),
    # Back to `queued`: a person has it tried again.
    _.BOUNCED: frozenset({_.QUEUED}),
    _.COMPLAINED: frozenset({_.ACKNOWLEDGED}),
    _.FAILED: frozenset({_.QUEUED}),
    # Back to `queued`: only a person may say that what may have arrived is sent again.
    _.IN_DOUBT: frozenset({_.QUEUED, _.SENT, _.DELIVERED, _.BOUNCED, _.COMPLAINED, _.ACKNOWLEDGED}),
    _.UNSENT: frozenset(),
    _.ACKNOWLEDGED: frozenset({_.REMEDIATED}),
    _.REMEDIATED: frozenset(),
}

#: From each flow of a campaign, those that may follow. A stop is for good.
FLOWS: dict[Flow, frozenset[Flow]] = {
    Flow.PREPARED: frozenset({Flow.RUNNING, Flow.STOPPED}),
    Flow.RUNNING: frozenset({Flow.PAUSED, Flow.HALTED, Flow.STOPPED, Flow.ENDED}),
    Flow.PAUSED: frozenset({Flow.RUNNING, Flow.STOPPED, Flow.ENDED}),
    Flow.HALTED: frozenset({Flow.RUNNING, Flow.PAUSED, Flow.STOPPED, Flow.ENDED}),
    Flow.STOPPED: frozenset(),
    Flow.ENDED: frozenset(),
}

#: In these a campaign will never send again.
OVER = frozenset({Flow.STOPPED, Flow.ENDED})
