"""Series that several alerts and dashboards read, and names that hide where a value comes from.

Series of a job are reduced to the label ``job_id``: two gateways export each of them twice.
"""

from __future__ import annotations

from monitoring.rule import Recording

_MODEL = "on (job_id) group_left (model) max by (job_id, model) (llmbatch_job_info)"
_OUTPUT_TOKENS = "(max by (job_id) (llmbatch_job_output_tokens_per_second) and on (job_id) llmbatch:job_working:bool)"
_LIVE = '(max by (job_id) (llmbatch_job_replicas{state="live"}) and on (job_id) llmbatch:job_working:bool)'
_MIB = 1024 * 1024

RECORDINGS = (
    Recording(
        "llmbatch:job_working:bool",
        'max by (job_id) (llmbatch_job_phase{phase="work"}) == 1'
        " unless on (job_id) max by (job_id) (llmbatch_job_paused) == 1",
    ),
    Recording(
        "llmbatch:job_failed_rows:ratio",
        'max by (job_id) (llmbatch_job_rows{state="failed"}) / clamp_min('
        'sum by (job_id) (max by (job_id, state) (llmbatch_job_rows{state=~"succeeded|failed"})), 1)',
    ),
    Recording(
        "llmbatch:rows:rate",
        "sum(max by (job_id) (llmbatch_job_rows_per_second) and on (job_id) llmbatch:job_working:bool)",
    ),
    Recording("llmbatch:output_tokens:rate", f"sum({_OUTPUT_TOKENS})"),
    Recording("llmbatch:output_tokens:rate_by_model", f"sum by (model) ({_OUTPUT_TOKENS} * {_MODEL})"),
    Recording(
        "llmbatch:output_tokens_per_replica:rate_by_model",
        f"sum by (model) ({_OUTPUT_TOKENS} * {_MODEL}) / (sum by (model) ({_LIVE} * {_MODEL}) > 0)",
    ),
    # Ray says bytes and means MiB
    Recording("llmbatch:gpu_memory_used:bytes", f"max by (instance, GpuIndex) (ray_node_gram_used) * {_MIB}"),
    Recording(
        "llmbatch:gpu_memory_used:ratio",
        "max by (instance, GpuIndex) (ray_node_gram_used / (ray_node_gram_used + ray_node_gram_available))",
    ),
    Recording(
        "llmbatch:store_requests:rate5m",
        "sum by (result) (rate(llmbatch_store_request_duration_seconds_count[5m])"
        " or rate(llmbatch_gateway_store_request_duration_seconds_count[5m])"
        " or rate(llmbatch_job_store_requests[5m]))",
    ),
    Recording(
        "llmbatch:store_request_seconds:p95_10m",
        "histogram_quantile(0.95, sum by (le) (rate(llmbatch_store_request_duration_seconds_bucket[10m])"
        " or rate(llmbatch_gateway_store_request_duration_seconds_bucket[10m])))",
    ),
)
