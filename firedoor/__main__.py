"""`python -m firedoor` is `firedoor`."""

import sys

from firedoor.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
