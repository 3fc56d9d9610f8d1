# Generated from openapi.yaml by codegen/generate.py. Not to be edited: change openapi.yaml or codegen/templates.
"""The operations, a module per tag."""
