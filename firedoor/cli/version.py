"""Which firedoor this is."""

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    """The version of the installed package, or `checkout` where it runs without having been installed."""
    try:
        return version("firedoor")
    except PackageNotFoundError:
        return "checkout"
