"""What people see: incidents, steps, plans and threads as Slack's blocks. Pure: no clock, no network, no store."""
