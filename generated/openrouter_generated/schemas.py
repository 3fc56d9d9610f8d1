# Generated from openapi.yaml by `make generate`. Do not edit: change openapi.yaml or codegen/templates.
"""The JSON Schemas that arguments are validated against, by name."""

from typing import Any, Final

SCHEMAS: Final[dict[str, Any]] = {
    "InputUnion": {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
            {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}},
            {"type": "array", "minItems": 1, "items": {"type": "array", "items": {"type": "integer", "minimum": 0}}},
            {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Input"}},
        ]
    },
    "Input": {
        "type": "object",
        "properties": {"content": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Content"}}},
        "required": ["content"],
    },
    "Content": {
        "oneOf": [
            {"$ref": "#/components/schemas/ContentText"},
            {"$ref": "#/components/schemas/ContentImageURL"},
            {"$ref": "#/components/schemas/ContentPartInputAudio"},
            {"$ref": "#/components/schemas/ContentPartInputVideo"},
            {"$ref": "#/components/schemas/ContentPartInputFile"},
        ],
        "discriminator": {
            "propertyName": "type",
            "mapping": {
                "text": "#/components/schemas/ContentText",
                "image_url": "#/components/schemas/ContentImageURL",
                "input_audio": "#/components/schemas/ContentPartInputAudio",
                "input_video": "#/components/schemas/ContentPartInputVideo",
                "input_file": "#/components/schemas/ContentPartInputFile",
            },
        },
    },
    "ContentText": {
        "type": "object",
        "properties": {"type": {"type": "string", "const": "text"}, "text": {"type": "string", "minLength": 1}},
        "required": ["type", "text"],
    },
    "ContentImageURL": {
        "type": "object",
        "properties": {
            "type": {"type": "string", "const": "image_url"},
            "image_url": {"$ref": "#/components/schemas/ImageURL"},
        },
        "required": ["type", "image_url"],
    },
    "ImageURL": {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]},
    "ContentPartInputAudio": {
        "type": "object",
        "properties": {
            "type": {"type": "string", "const": "input_audio"},
            "input_audio": {"$ref": "#/components/schemas/MultimodalMedia"},
        },
        "required": ["type", "input_audio"],
    },
    "ContentPartInputVideo": {
        "type": "object",
        "properties": {
            "type": {"type": "string", "const": "input_video"},
            "input_video": {"$ref": "#/components/schemas/MultimodalMedia"},
        },
        "required": ["type", "input_video"],
    },
    "ContentPartInputFile": {
        "type": "object",
        "properties": {
            "type": {"type": "string", "const": "input_file"},
            "input_file": {"$ref": "#/components/schemas/MultimodalMedia"},
        },
        "required": ["type", "input_file"],
    },
    "MultimodalMedia": {
        "type": "object",
        "properties": {"data": {"type": "string"}, "format": {"type": "string"}},
        "required": ["data"],
    },
    "EncodingFormat": {"type": "string", "enum": ["float", "base64"]},
    "TraceConfig": {
        "type": "object",
        "additionalProperties": True,
        "properties": {
            "trace_id": {"type": "string"},
            "trace_name": {"type": "string"},
            "span_name": {"type": "string"},
            "generation_name": {"type": "string"},
            "parent_span_id": {"type": "string"},
        },
    },
    "ProviderPreferences": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "allow_fallbacks": {"type": ["boolean", "null"]},
            "require_parameters": {"type": ["boolean", "null"]},
            "data_collection": {"oneOf": [{"$ref": "#/components/schemas/DataCollection"}, {"type": "null"}]},
            "zdr": {"type": ["boolean", "null"]},
            "enforce_distillable_text": {"type": ["boolean", "null"]},
            "order": {"type": ["array", "null"], "items": {"type": "string"}},
            "only": {"type": ["array", "null"], "items": {"type": "string"}},
            "ignore": {"type": ["array", "null"], "items": {"type": "string"}},
            "quantizations": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/Quantization"}},
            "sort": {"oneOf": [{"$ref": "#/components/schemas/ProviderPreferencesSort"}, {"type": "null"}]},
            "max_price": {"$ref": "#/components/schemas/MaxPrice"},
            "preferred_min_throughput": {
                "oneOf": [{"$ref": "#/components/schemas/PreferredMinThroughput"}, {"type": "null"}]
            },
            "preferred_max_latency": {
                "oneOf": [{"$ref": "#/components/schemas/PreferredMaxLatency"}, {"type": "null"}]
            },
            "options": {"$ref": "#/components/schemas/ProviderOptions"},
        },
    },
    "DataCollection": {"type": "string", "enum": ["deny", "allow"]},
    "Quantization": {
        "type": "string",
        "enum": ["int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32", "unknown"],
    },
    "ProviderPreferencesSort": {
        "oneOf": [{"$ref": "#/components/schemas/ProviderSort"}, {"$ref": "#/components/schemas/ProviderSortConfig"}]
    },
    "ProviderSort": {"type": "string", "enum": ["price", "throughput", "latency", "exacto"]},
    "ProviderSortConfig": {
        "type": "object",
        "properties": {
            "by": {"oneOf": [{"$ref": "#/components/schemas/ProviderSort"}, {"type": "null"}]},
            "partition": {"oneOf": [{"$ref": "#/components/schemas/Partition"}, {"type": "null"}]},
        },
    },
    "Partition": {"type": "string", "enum": ["model", "none"]},
    "MaxPrice": {
        "type": "object",
        "properties": {
            "prompt": {"type": "string", "x-decimal-string": True},
            "completion": {"type": "string", "x-decimal-string": True},
            "image": {"type": "string", "x-decimal-string": True},
            "audio": {"type": "string", "x-decimal-string": True},
            "request": {"type": "string", "x-decimal-string": True},
        },
    },
    "PreferredMinThroughput": {
        "oneOf": [{"type": "number", "format": "double"}, {"$ref": "#/components/schemas/PercentileThroughputCutoffs"}]
    },
    "PreferredMaxLatency": {
        "oneOf": [{"type": "number", "format": "double"}, {"$ref": "#/components/schemas/PercentileLatencyCutoffs"}]
    },
    "PercentileThroughputCutoffs": {
        "type": "object",
        "properties": {
            "p50": {"type": ["number", "null"], "format": "double"},
            "p75": {"type": ["number", "null"], "format": "double"},
            "p90": {"type": ["number", "null"], "format": "double"},
            "p99": {"type": ["number", "null"], "format": "double"},
        },
    },
    "PercentileLatencyCutoffs": {
        "type": "object",
        "properties": {
            "p50": {"type": ["number", "null"], "format": "double"},
            "p75": {"type": ["number", "null"], "format": "double"},
            "p90": {"type": ["number", "null"], "format": "double"},
            "p99": {"type": ["number", "null"], "format": "double"},
        },
    },
    "ProviderOptions": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/JsonObject"}},
    "BatchEndpoint": {
        "type": "string",
        "enum": ["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"],
    },
    "BatchProvider": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "only": {"type": ["array", "null"], "items": {"type": "string"}},
            "allow_fallbacks": {"type": ["boolean", "null"]},
        },
    },
    "BatchRequest": {
        "type": "object",
        "properties": {
            "custom_id": {"type": "string", "minLength": 1},
            "body": {"$ref": "#/components/schemas/JsonObject"},
        },
        "required": ["custom_id", "body"],
    },
    "BatchListStatus": {
        "type": "string",
        "enum": ["validating", "in_progress", "completed", "failed", "expired", "cancelled"],
    },
    "JsonObject": {"type": "object", "additionalProperties": {}},
}
