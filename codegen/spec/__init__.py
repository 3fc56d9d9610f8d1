"""Compares versions of openapi.yaml, and takes operations from another document: `python -m codegen.spec --help`."""
