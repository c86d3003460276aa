"""``python -m practice``."""

import sys

from practice.serve import main

if __name__ == "__main__":
    sys.exit(main())
