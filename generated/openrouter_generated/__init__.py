# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The operations and models of OpenRouter API, generated from openapi.yaml."""

from typing import Final

API_TITLE: Final = "OpenRouter API"
API_VERSION: Final = "1.0.0"
SERVERS: Final[dict[str, str]] = {
    "production": "https://openrouter.ai/api/v1",
}
