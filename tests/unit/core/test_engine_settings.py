"""Options of a request over the settings of a deployment."""

from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.request_options import EngineOptions


def test_options_win_and_unset_ones_keep_settings():
    settings = EngineSettings(max_num_seqs=8, max_num_batched_tokens=512)
    changed = settings.with_options(EngineOptions(batch_size=16, concurrency=3, gpu_memory_utilization=0.7))
    assert (changed.max_num_seqs, changed.min_replicas, changed.max_replicas) == (16, 3, 3)
    assert (changed.gpu_memory_utilization, changed.max_num_batched_tokens) == (0.7, 512)


def test_window_is_rows():
    assert EngineSettings(max_num_seqs=10, window_factor=1.25).window_rows == 12


def test_each_option_reaches_its_setting():
    options = EngineOptions(max_num_batched_tokens=640, max_model_len=99, enforce_eager=False, chunked_prefill=False)
    changed = EngineSettings().with_options(options)
    assert (changed.max_num_batched_tokens, changed.max_model_len) == (640, 99)
    assert (changed.enforce_eager, changed.chunked_prefill) == (False, False)
    assert EngineSettings().with_options(EngineOptions()) == EngineSettings()
