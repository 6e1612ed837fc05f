"""config.yaml: errors carry file, line and the nearest key."""

from pathlib import Path

import pytest

from llmbatch.core.config import load_config
from llmbatch.core.errors import ConfigError

REPOSITORY = Path(__file__).parents[3]
HEAD = "default_model: a\nmodels:\n  a: {uri: 'bundled:x'}\n"


def test_shipped_file_is_valid_and_names_its_model():
    config = load_config(REPOSITORY / "config/config.yaml")
    assert config.model_for(None).uri.startswith("bundled:")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            HEAD + "engine:\n  kind: vllm\n  max_num_seq: 3\n",
            r"config.yaml:6: unknown key `engine.max_num_seq`, did you mean `max_num_seqs`\?",
        ),
        (HEAD + "stor: {}\n", r"config.yaml:4: unknown key `stor`, did you mean `store`\?"),
        (HEAD + "models:\n", "config.yaml"),
        ("default_model: a\nmodels:\n  a:\n    url: x\n", r"config.yaml:\d: "),
        (
            HEAD + "retention: {job_days: 3}\n",
            r"config.yaml:4: unknown key `retention.job_days`, did you mean `jobs_days`",
        ),
        (HEAD + "retention: {jobs_days: 9999999999}\n", r"`retention.jobs_days`: .*less than or equal to 36500"),
        (HEAD + "retention: {jobs_days: 0}\n", r"config.yaml:4: `retention.jobs_days`: .*greater than or equal to 1"),
        (HEAD + "engine: {max_num_seqs: 0}\n", r"config.yaml:4: `engine.max_num_seqs`: .*greater than or equal to 1"),
        (
            HEAD + "  b:\n    uri: x\n    serve:\n      tool_call_parser: hermes\n      reasoning_parsr: qwen3\n",
            r"config.yaml:8: `models\.b\.serve\.reasoning_parsr`: vLLM .*, did you mean `reasoning_parser`\?",
        ),
        (HEAD + "  b: {uri: x, serve: {port: 8000}}\n", r"config.yaml:4: `models\.b\.serve\.port`: .* opens no port"),
        (HEAD + "  b: {uri: x, adapters: {a: 's3://b/x'}}\n", "'a' is the name of two models or adapters"),
        ("default_model: b\nmodels:\n  a: {uri: x}\n", "'b' is not among models: a"),
        ("- a\n", "must be a mapping"),
        ("a: [\n", "not valid YAML"),
    ],
)
def test_bad_file(tmp_path, text, words):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_config(path)


def test_missing_file_names_the_variable(tmp_path):
    with pytest.raises(ConfigError, match="LLMBATCH_CONFIG"):
        load_config(tmp_path / "absent.yaml")


def test_unlisted_model_is_taken_as_an_address():
    config = load_config(REPOSITORY / "config/config.yaml")
    assert config.model_for("org/model").uri == "org/model"


def test_null_keeps_for_ever(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(HEAD + "retention: {jobs_days: null}\n")
    assert load_config(path).retention.jobs_days is None
