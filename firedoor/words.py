"""Numbers and nouns for people, for whoever has any to say: the workflow, the pictures, the command line. Pure."""

DAY, HOUR, MINUTE = 86_400, 3600, 60


def span(seconds: int) -> str:
    """A duration as it was configured: `90 s`, `30 min`, `36 h`, `1 d`."""
    for unit, size in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def plural(number: int, noun: str) -> str:
    """`1 credential`, `1,000 credentials`: nouns come in the plural, as the blast radius counts them."""
    return f"{number:,} {counted(number, noun)}"


def counted(number: int, noun: str) -> str:
    """The noun alone: `credential` for one, else `credentials`."""
    return singular(noun) if number == 1 else noun


def singular(noun: str) -> str:
    """`credential` of `credentials`, `policy` of `policies`, `address` of `addresses`."""
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    return noun.removesuffix("es") if noun.endswith("sses") else noun.removesuffix("s")
