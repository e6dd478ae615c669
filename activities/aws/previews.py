"""What a preview says of a change that is in doubt."""

from firedoor.incident import Preview


def first_seen(preview: Preview, earlier: Preview | None) -> Preview:
    """A preview that keeps what an earlier attempt saw: what it began may look by now as if it had always been so."""
    if earlier is None:
        return preview
    kept = ("change", "before", "after", "inverse", "blast")
    return preview.model_copy(update={name: getattr(earlier, name) for name in kept})
