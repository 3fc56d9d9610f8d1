"""Renders the documentation: reference pages from openapi.yaml and from docstrings, and the site around them."""
