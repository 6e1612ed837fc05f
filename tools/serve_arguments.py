"""The arguments of ``vllm serve``, and which of them config.yaml may not set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REFUSED: Mapping[str, str] = {
    "set `models.<name>.uri`": "model model_tag",
    "set `models.<name>.revision`": "revision",
    "set `models.<name>.max_model_len`": "max_model_len",
    "set `models.<name>.adapters`": "lora_modules enable_lora",
    "set it in section `engine`": """
        dtype enforce_eager enable_chunked_prefill gpu_memory_utilization max_num_batched_tokens max_num_seqs
        """,
    "set `engine.gpus_per_replica`": "tensor_parallel_size distributed_executor_backend",
    "set `media_domains` and `store.allowed_inputs`": "allowed_media_domains allowed_local_media_path",
    "llmbatch sets it": """
        disable_log_stats enable_flash_late_interaction enable_prompt_tokens_details served_model_name
        structured_outputs_config
        """,
    "a replica is one engine in one process of Ray": """
        api_server_count data_parallel_address data_parallel_backend data_parallel_external_lb
        data_parallel_hybrid_lb data_parallel_multi_port_external_lb data_parallel_rank data_parallel_rpc_port
        data_parallel_size data_parallel_size_local data_parallel_start_rank data_parallel_supervisor_port
        dp_supervisor_probe_failure_threshold dp_supervisor_probe_interval_s dp_supervisor_probe_timeout_s
        headless master_addr master_port nnodes node_rank
        """,
    "a replica opens no port and calls no other server": """
        allow_credentials allowed_headers allowed_methods allowed_origins api_key config
        disable_access_log_for_endpoints disable_fastapi_docs disable_uvicorn_access_log ec_transfer_config
        enable_offline_docs enable_request_id_headers enable_scale_out enable_server_load_tracking enable_ssl_refresh
        enable_tokenizer_info_endpoint grpc grpc_port h11_max_header_count h11_max_incomplete_event_size host
        kv_events_config kv_transfer_config middleware otlp_traces_endpoint port root_path sse_keep_alive_interval
        ssl_ca_certs ssl_cert_reqs ssl_certfile ssl_ciphers ssl_keyfile tokens_only tool_server uds
        uvicorn_log_level weight_transfer_config
        """,
    "set HF_TOKEN on the Ray nodes: config.yaml and spec.json hold no secret": "hf_token",
    "no row may bring code, templates or tensors": """
        enable_mm_embeds enable_prompt_embeds trust_request_chat_template trust_request_mm_kwargs
        """,
    "no log holds a prompt or an answer": """
        enable_log_deltas enable_log_outputs enable_log_requests log_config_file log_error_stack logging_config
        max_log_len
        """,
}
"""Arguments that config.yaml may not set, by the reason."""

_NOT_ARGUMENTS = frozenset({"help"})


def serve_arguments(version: str) -> dict[str, object]:
    """Return the document: the names of all arguments in Python's form, and the refused ones with the reason.

    Raises:
        ValueError: a refused name is not an argument of this vLLM.
    """
    from vllm.entrypoints.launchers.cli_args import make_arg_parser
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    make_parser: Any = FlexibleArgumentParser  # it has no types
    parser = make_arg_parser(make_parser())
    names = sorted({action.dest for action in parser._actions} - _NOT_ARGUMENTS)
    refused = {name: reason for reason, listed in REFUSED.items() for name in listed.split()}
    unknown = sorted(refused.keys() - set(names))
    if unknown:
        raise ValueError(f"vLLM {version} has no argument {', '.join(unknown)}; correct REFUSED")
    return {"vllm": version, "arguments": names, "refused": dict(sorted(refused.items()))}
