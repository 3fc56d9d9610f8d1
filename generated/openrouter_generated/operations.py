# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The schemas of single operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import lazy

if TYPE_CHECKING:
    from .models.aliases import Embedding as Embedding
    from .models.batch import Batch as Batch
    from .models.batch_list_response import BatchListResponse as BatchListResponse
    from .models.batch_request import BatchRequest as BatchRequest
    from .models.batch_result import BatchResult as BatchResult
    from .models.batch_results_response import BatchResultsResponse as BatchResultsResponse
    from .models.content_image_url import ContentImageURL as ContentImageURL
    from .models.content_text import ContentText as ContentText
    from .models.create_embeddings_data import CreateEmbeddingsData as CreateEmbeddingsData
    from .models.create_embeddings_response import CreateEmbeddingsResponse as CreateEmbeddingsResponse
    from .models.create_embeddings_response import CreateEmbeddingsResponse as CreateEmbeddingsResponseBody
    from .models.create_embeddings_usage import CreateEmbeddingsUsage as CreateEmbeddingsUsage
    from .models.delete_batch_response import DeleteBatchResponse as DeleteBatchResponse
    from .models.image_url import ImageURL as ImageURL
    from .models.input_ import Input as Input
    from .models.prompt_tokens_details import PromptTokensDetails as PromptTokensDetails
    from .params import BatchRequestTypedDict as BatchRequestTypedDict
    from .params import Content as Content
    from .params import ContentImageURLTypedDict as ContentImageURLTypedDict
    from .params import ContentTextTypedDict as ContentTextTypedDict
    from .params import EncodingFormat as EncodingFormat
    from .params import ImageURLTypedDict as ImageURLTypedDict
    from .params import InputTypedDict as InputTypedDict
    from .params import InputUnion as InputUnion
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "InputUnion": "params",
            "Input": "models.input_",
            "InputTypedDict": "params",
            "Content": "params",
            "ContentText": "models.content_text",
            "ContentTextTypedDict": "params",
            "ContentImageURL": "models.content_image_url",
            "ContentImageURLTypedDict": "params",
            "ImageURL": "models.image_url",
            "ImageURLTypedDict": "params",
            "EncodingFormat": "params",
            "CreateEmbeddingsResponse": "models.create_embeddings_response",
            "CreateEmbeddingsResponseBody": "models.create_embeddings_response:CreateEmbeddingsResponse",
            "CreateEmbeddingsData": "models.create_embeddings_data",
            "Embedding": "models.aliases",
            "CreateEmbeddingsUsage": "models.create_embeddings_usage",
            "PromptTokensDetails": "models.prompt_tokens_details",
            "BatchRequest": "models.batch_request",
            "BatchRequestTypedDict": "params",
            "Batch": "models.batch",
            "BatchResult": "models.batch_result",
            "BatchListResponse": "models.batch_list_response",
            "BatchResultsResponse": "models.batch_results_response",
            "DeleteBatchResponse": "models.delete_batch_response",
        },
    )

__all__ = [
    "Batch",
    "BatchListResponse",
    "BatchRequest",
    "BatchRequestTypedDict",
    "BatchResult",
    "BatchResultsResponse",
    "Content",
    "ContentImageURL",
    "ContentImageURLTypedDict",
    "ContentText",
    "ContentTextTypedDict",
    "CreateEmbeddingsData",
    "CreateEmbeddingsResponse",
    "CreateEmbeddingsResponseBody",
    "CreateEmbeddingsUsage",
    "DeleteBatchResponse",
    "Embedding",
    "EncodingFormat",
    "ImageURL",
    "ImageURLTypedDict",
    "Input",
    "InputTypedDict",
    "InputUnion",
    "PromptTokensDetails",
]
