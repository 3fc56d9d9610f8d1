"""`python -m openrouter_embeddings` runs the command `openrouter-embeddings`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
