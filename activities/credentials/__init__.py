"""The credential verbs, generic over providers and sinks."""
