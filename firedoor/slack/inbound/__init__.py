"""What people do in Slack, typed, pressed or submitted: acknowledged, handled once, answered to the one who did it."""
