# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The schemas of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import lazy

if TYPE_CHECKING:
    from .models.aa_benchmark_entry import AABenchmarkEntry as AABenchmarkEntry
    from .models.availability import Availability as Availability
    from .models.availability_code import AvailabilityCode as AvailabilityCode
    from .models.availability_constraint import AvailabilityConstraint as AvailabilityConstraint
    from .models.batch_deletion import BatchDeletion as BatchDeletion
    from .models.batch_error import BatchError as BatchError
    from .models.batch_error_type import BatchErrorType as BatchErrorType
    from .models.batch_provider import BatchProvider as BatchProvider
    from .models.batch_request_counts import BatchRequestCounts as BatchRequestCounts
    from .models.batch_result_error import BatchResultError as BatchResultError
    from .models.batch_result_response import BatchResultResponse as BatchResultResponse
    from .models.batch_status import BatchStatus as BatchStatus
    from .models.batch_upstream_deletion import BatchUpstreamDeletion as BatchUpstreamDeletion
    from .models.batch_upstream_deletion_status import BatchUpstreamDeletionStatus as BatchUpstreamDeletionStatus
    from .models.batch_usage import BatchUsage as BatchUsage
    from .models.content_part_input_audio import ContentPartInputAudio as ContentPartInputAudio
    from .models.content_part_input_file import ContentPartInputFile as ContentPartInputFile
    from .models.content_part_input_video import ContentPartInputVideo as ContentPartInputVideo
    from .models.cost_details import CostDetails as CostDetails
    from .models.da_benchmark_entry import DABenchmarkEntry as DABenchmarkEntry
    from .models.default_parameters import DefaultParameters as DefaultParameters
    from .models.error_detail import ErrorDetail as ErrorDetail
    from .models.error_response import ErrorResponse as ErrorResponse
    from .models.input_modality import InputModality as InputModality
    from .models.instruct_type import InstructType as InstructType
    from .models.max_price import MaxPrice as MaxPrice
    from .models.model import Model as Model
    from .models.model_alias_target import ModelAliasTarget as ModelAliasTarget
    from .models.model_architecture import ModelArchitecture as ModelArchitecture
    from .models.model_benchmarks import ModelBenchmarks as ModelBenchmarks
    from .models.model_group import ModelGroup as ModelGroup
    from .models.model_links import ModelLinks as ModelLinks
    from .models.model_reasoning import ModelReasoning as ModelReasoning
    from .models.models_list_response import ModelsListResponse as ModelsListResponse
    from .models.models_list_response_links import ModelsListResponseLinks as ModelsListResponseLinks
    from .models.multimodal_media import MultimodalMedia as MultimodalMedia
    from .models.output_modality import OutputModality as OutputModality
    from .models.parameter import Parameter as Parameter
    from .models.per_request_limits import PerRequestLimits as PerRequestLimits
    from .models.percentile_latency_cutoffs import PercentileLatencyCutoffs as PercentileLatencyCutoffs
    from .models.percentile_throughput_cutoffs import PercentileThroughputCutoffs as PercentileThroughputCutoffs
    from .models.pricing_override import PricingOverride as PricingOverride
    from .models.provider_preferences import ProviderPreferences as ProviderPreferences
    from .models.provider_sort_config import ProviderSortConfig as ProviderSortConfig
    from .models.public_pricing import PublicPricing as PublicPricing
    from .models.reasoning_effort import ReasoningEffort as ReasoningEffort
    from .models.top_provider_info import TopProviderInfo as TopProviderInfo
    from .models.trace_config import TraceConfig as TraceConfig
    from .models.utc_day import UtcDay as UtcDay
    from .params import BatchEndpoint as BatchEndpoint
    from .params import BatchListStatus as BatchListStatus
    from .params import BatchProviderTypedDict as BatchProviderTypedDict
    from .params import ContentPartInputAudioTypedDict as ContentPartInputAudioTypedDict
    from .params import ContentPartInputFileTypedDict as ContentPartInputFileTypedDict
    from .params import ContentPartInputVideoTypedDict as ContentPartInputVideoTypedDict
    from .params import DataCollection as DataCollection
    from .params import JsonObject as JsonObject
    from .params import MaxPriceTypedDict as MaxPriceTypedDict
    from .params import MultimodalMediaTypedDict as MultimodalMediaTypedDict
    from .params import Partition as Partition
    from .params import PercentileLatencyCutoffsTypedDict as PercentileLatencyCutoffsTypedDict
    from .params import PercentileThroughputCutoffsTypedDict as PercentileThroughputCutoffsTypedDict
    from .params import PreferredMaxLatency as PreferredMaxLatency
    from .params import PreferredMinThroughput as PreferredMinThroughput
    from .params import ProviderOptions as ProviderOptions
    from .params import ProviderPreferencesSort as ProviderPreferencesSort
    from .params import ProviderPreferencesTypedDict as ProviderPreferencesTypedDict
    from .params import ProviderSort as ProviderSort
    from .params import ProviderSortConfigTypedDict as ProviderSortConfigTypedDict
    from .params import Quantization as Quantization
    from .params import TraceConfigTypedDict as TraceConfigTypedDict
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "ContentPartInputAudio": "models.content_part_input_audio",
            "ContentPartInputAudioTypedDict": "params",
            "ContentPartInputVideo": "models.content_part_input_video",
            "ContentPartInputVideoTypedDict": "params",
            "ContentPartInputFile": "models.content_part_input_file",
            "ContentPartInputFileTypedDict": "params",
            "MultimodalMedia": "models.multimodal_media",
            "MultimodalMediaTypedDict": "params",
            "TraceConfig": "models.trace_config",
            "TraceConfigTypedDict": "params",
            "ProviderPreferences": "models.provider_preferences",
            "ProviderPreferencesTypedDict": "params",
            "DataCollection": "params",
            "Quantization": "params",
            "ProviderPreferencesSort": "params",
            "ProviderSort": "params",
            "ProviderSortConfig": "models.provider_sort_config",
            "ProviderSortConfigTypedDict": "params",
            "Partition": "params",
            "MaxPrice": "models.max_price",
            "MaxPriceTypedDict": "params",
            "PreferredMinThroughput": "params",
            "PreferredMaxLatency": "params",
            "PercentileThroughputCutoffs": "models.percentile_throughput_cutoffs",
            "PercentileThroughputCutoffsTypedDict": "params",
            "PercentileLatencyCutoffs": "models.percentile_latency_cutoffs",
            "PercentileLatencyCutoffsTypedDict": "params",
            "ProviderOptions": "params",
            "CostDetails": "models.cost_details",
            "ModelsListResponse": "models.models_list_response",
            "ModelsListResponseLinks": "models.models_list_response_links",
            "Model": "models.model",
            "PublicPricing": "models.public_pricing",
            "PricingOverride": "models.pricing_override",
            "UtcDay": "models.utc_day",
            "ModelArchitecture": "models.model_architecture",
            "InputModality": "models.input_modality",
            "OutputModality": "models.output_modality",
            "ModelGroup": "models.model_group",
            "InstructType": "models.instruct_type",
            "Parameter": "models.parameter",
            "TopProviderInfo": "models.top_provider_info",
            "PerRequestLimits": "models.per_request_limits",
            "DefaultParameters": "models.default_parameters",
            "ModelLinks": "models.model_links",
            "ModelAliasTarget": "models.model_alias_target",
            "ModelBenchmarks": "models.model_benchmarks",
            "DABenchmarkEntry": "models.da_benchmark_entry",
            "AABenchmarkEntry": "models.aa_benchmark_entry",
            "ModelReasoning": "models.model_reasoning",
            "ReasoningEffort": "models.reasoning_effort",
            "BatchEndpoint": "params",
            "BatchProvider": "models.batch_provider",
            "BatchProviderTypedDict": "params",
            "BatchStatus": "models.batch_status",
            "BatchListStatus": "params",
            "BatchError": "models.batch_error",
            "BatchRequestCounts": "models.batch_request_counts",
            "BatchUsage": "models.batch_usage",
            "BatchResultResponse": "models.batch_result_response",
            "BatchResultError": "models.batch_result_error",
            "BatchErrorType": "models.batch_error_type",
            "BatchDeletion": "models.batch_deletion",
            "BatchUpstreamDeletion": "models.batch_upstream_deletion",
            "BatchUpstreamDeletionStatus": "models.batch_upstream_deletion_status",
            "ErrorResponse": "models.error_response",
            "ErrorDetail": "models.error_detail",
            "Availability": "models.availability",
            "AvailabilityCode": "models.availability_code",
            "AvailabilityConstraint": "models.availability_constraint",
            "JsonObject": "params",
        },
    )

__all__ = [
    "AABenchmarkEntry",
    "Availability",
    "AvailabilityCode",
    "AvailabilityConstraint",
    "BatchDeletion",
    "BatchEndpoint",
    "BatchError",
    "BatchErrorType",
    "BatchListStatus",
    "BatchProvider",
    "BatchProviderTypedDict",
    "BatchRequestCounts",
    "BatchResultError",
    "BatchResultResponse",
    "BatchStatus",
    "BatchUpstreamDeletion",
    "BatchUpstreamDeletionStatus",
    "BatchUsage",
    "ContentPartInputAudio",
    "ContentPartInputAudioTypedDict",
    "ContentPartInputFile",
    "ContentPartInputFileTypedDict",
    "ContentPartInputVideo",
    "ContentPartInputVideoTypedDict",
    "CostDetails",
    "DABenchmarkEntry",
    "DataCollection",
    "DefaultParameters",
    "ErrorDetail",
    "ErrorResponse",
    "InputModality",
    "InstructType",
    "JsonObject",
    "MaxPrice",
    "MaxPriceTypedDict",
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
    "MultimodalMediaTypedDict",
    "OutputModality",
    "Parameter",
    "Partition",
    "PercentileLatencyCutoffs",
    "PercentileLatencyCutoffsTypedDict",
    "PercentileThroughputCutoffs",
    "PercentileThroughputCutoffsTypedDict",
    "PerRequestLimits",
    "PreferredMaxLatency",
    "PreferredMinThroughput",
    "PricingOverride",
    "ProviderOptions",
    "ProviderPreferences",
    "ProviderPreferencesSort",
    "ProviderPreferencesTypedDict",
    "ProviderSort",
    "ProviderSortConfig",
    "ProviderSortConfigTypedDict",
    "PublicPricing",
    "Quantization",
    "ReasoningEffort",
    "TopProviderInfo",
    "TraceConfig",
    "TraceConfigTypedDict",
    "UtcDay",
]
