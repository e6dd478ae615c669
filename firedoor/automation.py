"""What an alert may start without a person: the plan of an incident that nobody has looked at yet."""
