"""Generates the package in `generated/` from openapi.yaml: `python -m codegen`. README.md explains the steps."""
