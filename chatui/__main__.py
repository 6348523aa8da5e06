"""`python -m chatui …`: the command line."""

import sys

from chatui.cli import main

if __name__ == "__main__":
    sys.exit(main())
