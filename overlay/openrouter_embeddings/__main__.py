"""Runs the command line with `python -m openrouter_embeddings`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
