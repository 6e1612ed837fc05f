"""Engines: what answers a row. ``base`` is the contract, ``vllm`` the real one, ``echo`` the fake."""
