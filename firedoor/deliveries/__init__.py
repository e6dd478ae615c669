"""What alert sources delivered: stored, matched to runbooks, started or joined, kept when it cannot be."""
