"""The galaxy as a program by its path: `python examples/galaxy.py --stars 3000`. What it does stands in `galaxy/`."""

import sys

from galaxy.__main__ import main  # the folder: Python takes a package before a module of its name

if __name__ == "__main__":
    sys.exit(main())
