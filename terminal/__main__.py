"""`python -m terminal` is `ftt`."""

import sys

from terminal.cli import main

if __name__ == "__main__":
    sys.exit(main())
