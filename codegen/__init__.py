"""Generates `generated/openrouter_generated/` from openapi.yaml: `python -m codegen`. README.md explains the steps."""
