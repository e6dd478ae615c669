"""The registry of customers: who they are, how they are reached, which credentials of theirs depend on us."""
