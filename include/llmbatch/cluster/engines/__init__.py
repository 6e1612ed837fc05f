"""Inference engines behind one protocol: ``vllm`` (real) and ``echo`` (a fake that is named as one)."""
