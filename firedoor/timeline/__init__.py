"""The auditable timeline: what was intended, done, decided and seen, in a form that others can verify."""
