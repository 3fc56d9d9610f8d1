# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The models of responses and arguments; each is imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy

if TYPE_CHECKING:
    from ..models.aa_benchmark_entry import AABenchmarkEntry as AABenchmarkEntry
    from ..models.aliases import Embedding as Embedding
    from ..models.aliases import JsonObject as JsonObject
    from ..models.availability import Availability as Availability
    from ..models.availability_code import AvailabilityCode as AvailabilityCode
    from ..models.availability_constraint import AvailabilityConstraint as AvailabilityConstraint
    from ..models.batch import Batch as Batch
    from ..models.batch_deletion import BatchDeletion as BatchDeletion
    from ..models.batch_endpoint import BatchEndpoint as BatchEndpoint
    from ..models.batch_error import BatchError as BatchError
    from ..models.batch_error_type import BatchErrorType as BatchErrorType
    from ..models.batch_list_response import BatchListResponse as BatchListResponse
    from ..models.batch_provider import BatchProvider as BatchProvider
    from ..models.batch_request import BatchRequest as BatchRequest
    from ..models.batch_request_counts import BatchRequestCounts as BatchRequestCounts
    from ..models.batch_result import BatchResult as BatchResult
    from ..models.batch_result_error import BatchResultError as BatchResultError
    from ..models.batch_result_response import BatchResultResponse as BatchResultResponse
    from ..models.batch_results_response import BatchResultsResponse as BatchResultsResponse
    from ..models.batch_status import BatchStatus as BatchStatus
    from ..models.batch_upstream_deletion import BatchUpstreamDeletion as BatchUpstreamDeletion
    from ..models.batch_upstream_deletion_status import BatchUpstreamDeletionStatus as BatchUpstreamDeletionStatus
    from ..models.batch_usage import BatchUsage as BatchUsage
    from ..models.content_image_url import ContentImageURL as ContentImageURL
    from ..models.content_part_input_audio import ContentPartInputAudio as ContentPartInputAudio
    from ..models.content_part_input_file import ContentPartInputFile as ContentPartInputFile
    from ..models.content_part_input_video import ContentPartInputVideo as ContentPartInputVideo
    from ..models.content_text import ContentText as ContentText
    from ..models.cost_details import CostDetails as CostDetails
    from ..models.create_embeddings_data import CreateEmbeddingsData as CreateEmbeddingsData
    from ..models.create_embeddings_response import CreateEmbeddingsResponse as CreateEmbeddingsResponse
    from ..models.create_embeddings_usage import CreateEmbeddingsUsage as CreateEmbeddingsUsage
    from ..models.da_benchmark_entry import DABenchmarkEntry as DABenchmarkEntry
    from ..models.default_parameters import DefaultParameters as DefaultParameters
    from ..models.delete_batch_response import DeleteBatchResponse as DeleteBatchResponse
    from ..models.error_detail import ErrorDetail as ErrorDetail
    from ..models.error_response import ErrorResponse as ErrorResponse
    from ..models.image_url import ImageURL as ImageURL
    from ..models.input_ import Input as Input
    from ..models.input_modality import InputModality as InputModality
    from ..models.instruct_type import InstructType as InstructType
    from ..models.max_price import MaxPrice as MaxPrice
    from ..models.model import Model as Model
    from ..models.model_alias_target import ModelAliasTarget as ModelAliasTarget
    from ..models.model_architecture import ModelArchitecture as ModelArchitecture
    from ..models.model_benchmarks import ModelBenchmarks as ModelBenchmarks
    from ..models.model_group import ModelGroup as ModelGroup
    from ..models.model_links import ModelLinks as ModelLinks
    from ..models.model_reasoning import ModelReasoning as ModelReasoning
    from ..models.models_list_response import ModelsListResponse as ModelsListResponse
    from ..models.models_list_response_links import ModelsListResponseLinks as ModelsListResponseLinks
    from ..models.multimodal_media import MultimodalMedia as MultimodalMedia
    from ..models.output_modality import OutputModality as OutputModality
    from ..models.parameter import Parameter as Parameter
    from ..models.per_request_limits import PerRequestLimits as PerRequestLimits
    from ..models.percentile_latency_cutoffs import PercentileLatencyCutoffs as PercentileLatencyCutoffs
    from ..models.percentile_throughput_cutoffs import PercentileThroughputCutoffs as PercentileThroughputCutoffs
    from ..models.pricing_override import PricingOverride as PricingOverride
    from ..models.prompt_tokens_details import PromptTokensDetails as PromptTokensDetails
    from ..models.provider_preferences import ProviderPreferences as ProviderPreferences
    from ..models.provider_sort_config import ProviderSortConfig as ProviderSortConfig
    from ..models.public_pricing import PublicPricing as PublicPricing
    from ..models.reasoning_effort import ReasoningEffort as ReasoningEffort
    from ..models.top_provider_info import TopProviderInfo as TopProviderInfo
    from ..models.trace_config import TraceConfig as TraceConfig
    from ..models.utc_day import UtcDay as UtcDay
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "Input": "models.input_",
            "ContentText": "models.content_text",
            "ContentImageURL": "models.content_image_url",
            "ImageURL": "models.image_url",
            "ContentPartInputAudio": "models.content_part_input_audio",
            "ContentPartInputVideo": "models.content_part_input_video",
            "ContentPartInputFile": "models.content_part_input_file",
            "MultimodalMedia": "models.multimodal_media",
            "TraceConfig": "models.trace_config",
            "ProviderPreferences": "models.provider_preferences",
            "ProviderSortConfig": "models.provider_sort_config",
            "MaxPrice": "models.max_price",
            "PercentileThroughputCutoffs": "models.percentile_throughput_cutoffs",
            "PercentileLatencyCutoffs": "models.percentile_latency_cutoffs",
            "CreateEmbeddingsResponse": "models.create_embeddings_response",
            "CreateEmbeddingsData": "models.create_embeddings_data",
            "CreateEmbeddingsUsage": "models.create_embeddings_usage",
            "CostDetails": "models.cost_details",
            "PromptTokensDetails": "models.prompt_tokens_details",
            "ModelsListResponse": "models.models_list_response",
            "ModelsListResponseLinks": "models.models_list_response_links",
            "Model": "models.model",
            "PublicPricing": "models.public_pricing",
            "PricingOverride": "models.pricing_override",
            "ModelArchitecture": "models.model_architecture",
            "TopProviderInfo": "models.top_provider_info",
            "PerRequestLimits": "models.per_request_limits",
            "DefaultParameters": "models.default_parameters",
            "ModelLinks": "models.model_links",
            "ModelAliasTarget": "models.model_alias_target",
            "ModelBenchmarks": "models.model_benchmarks",
            "DABenchmarkEntry": "models.da_benchmark_entry",
            "AABenchmarkEntry": "models.aa_benchmark_entry",
            "ModelReasoning": "models.model_reasoning",
            "BatchProvider": "models.batch_provider",
            "BatchRequest": "models.batch_request",
            "Batch": "models.batch",
            "BatchError": "models.batch_error",
            "BatchRequestCounts": "models.batch_request_counts",
            "BatchUsage": "models.batch_usage",
            "BatchResult": "models.batch_result",
            "BatchResultResponse": "models.batch_result_response",
            "BatchResultError": "models.batch_result_error",
            "BatchListResponse": "models.batch_list_response",
            "BatchResultsResponse": "models.batch_results_response",
            "DeleteBatchResponse": "models.delete_batch_response",
            "BatchDeletion": "models.batch_deletion",
            "BatchUpstreamDeletion": "models.batch_upstream_deletion",
            "ErrorResponse": "models.error_response",
            "ErrorDetail": "models.error_detail",
            "Availability": "models.availability",
            "AvailabilityConstraint": "models.availability_constraint",
            "UtcDay": "models.utc_day",
            "InputModality": "models.input_modality",
            "OutputModality": "models.output_modality",
            "ModelGroup": "models.model_group",
            "InstructType": "models.instruct_type",
            "Parameter": "models.parameter",
            "ReasoningEffort": "models.reasoning_effort",
            "BatchEndpoint": "models.batch_endpoint",
            "BatchStatus": "models.batch_status",
            "BatchErrorType": "models.batch_error_type",
            "BatchUpstreamDeletionStatus": "models.batch_upstream_deletion_status",
            "AvailabilityCode": "models.availability_code",
            "Embedding": "models.aliases",
            "JsonObject": "models.aliases",
        },
    )

__all__ = [
    "AABenchmarkEntry",
    "Availability",
    "AvailabilityCode",
    "AvailabilityConstraint",
    "Batch",
    "BatchDeletion",
    "BatchEndpoint",
    "BatchError",
    "BatchErrorType",
    "BatchListResponse",
    "BatchProvider",
    "BatchRequest",
    "BatchRequestCounts",
    "BatchResult",
    "BatchResultError",
    "BatchResultResponse",
    "BatchResultsResponse",
    "BatchStatus",
    "BatchUpstreamDeletion",
    "BatchUpstreamDeletionStatus",
    "BatchUsage",
    "ContentImageURL",
    "ContentPartInputAudio",
    "ContentPartInputFile",
    "ContentPartInputVideo",
    "ContentText",
    "CostDetails",
    "CreateEmbeddingsData",
    "CreateEmbeddingsResponse",
    "CreateEmbeddingsUsage",
    "DABenchmarkEntry",
    "DefaultParameters",
    "DeleteBatchResponse",
    "Embedding",
    "ErrorDetail",
    "ErrorResponse",
    "ImageURL",
    "Input",
    "InputModality",
    "InstructType",
    "JsonObject",
    "MaxPrice",
    "Model",
    "ModelAliasTarget",
    "ModelArchitecture",
    "ModelBenchmarks",
    "ModelGroup",
    "ModelLinks",
    "ModelReasoning",
    "ModelsListResponse",
    "ModelsListResponseLinks",
    "MultimodalMedia",
    "OutputModality",
    "Parameter",
    "PercentileLatencyCutoffs",
    "PercentileThroughputCutoffs",
    "PerRequestLimits",
    "PricingOverride",
    "PromptTokensDetails",
    "ProviderPreferences",
    "ProviderSortConfig",
    "PublicPricing",
    "ReasoningEffort",
    "TopProviderInfo",
    "TraceConfig",
    "UtcDay",
]
