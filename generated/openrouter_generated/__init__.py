# Generated from openapi.yaml by codegen/generate.py. Do not edit: change openapi.yaml or codegen/templates.
"""What openapi.yaml says, as Python: the operations and models of OpenRouter API."""

from typing import Final

API_TITLE: Final = "OpenRouter API"
API_VERSION: Final = "1.0.0"
SERVERS: Final[dict[str, str]] = {"production": "https://openrouter.ai/api/v1"}
