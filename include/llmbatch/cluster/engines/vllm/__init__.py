"""The real engine: vLLM's asynchronous engine, and the layer of its OpenAI server that answers requests.

Door: ``engine``. Its modules import vLLM inside of functions: it takes seconds, and needs the environment that
``engine`` sets first.
"""
