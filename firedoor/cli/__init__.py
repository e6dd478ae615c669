"""The command line: one module a verb or a small family of verbs, loaded when it is used."""
