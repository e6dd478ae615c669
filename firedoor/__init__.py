"""firedoor: breach runbooks as durable workflows, with proof of what was contained."""
