"""The child that compiles JSON schemas, exactly as the engine's backend does: it may hang or die of one.

``python compiler.py CPU_SECONDS MEMORY_BYTES`` writes a line once it is ready. Then it reads schemas, a line each, and
answers each with a line of JSON: the reason why the engine cannot decode to it, or null. It is started by its path and
imports nothing of llmbatch, so that it starts in a tenth of a second wherever the package was loaded from.
"""

from __future__ import annotations

import json
import resource
import sys

import llguidance

_LONGEST = 300
_HEAD_OF_STATE = "\n<state>"
"""Where an error of llguidance goes on with the parser's state."""


def schema_error(schema: str, tokenizer: llguidance.LLTokenizer) -> str | None:
    """Compile a schema and compute what its first token may be; return why that failed, or None."""
    try:
        # As vLLM's backend ``guidance`` in its default configuration.
        grammar = llguidance.LLMatcher.grammar_from_json_schema(schema, defaults={"whitespace_flexible": True})
    except ValueError as error:
        return short_reason(str(error))
    matcher = llguidance.LLMatcher(tokenizer, grammar, log_level=0)
    if not matcher.is_error():
        matcher.compute_bitmask()
    return short_reason(matcher.get_error()) if matcher.is_error() else None


def short_reason(error: str) -> str:
    """Return an error of llguidance in one line: for a regular expression what is wrong, without the expression."""
    lines = error.partition(_HEAD_OF_STATE)[0].strip().splitlines() or ["no reason was given"]
    if "regex parse error" in lines[0]:
        return f"pattern: {lines[-1].removeprefix('error: ')}"[:_LONGEST]
    return " ".join(" ".join(lines).split())[:_LONGEST]


def main(cpu_seconds: int, memory_bytes: int) -> None:
    """Serve until the standard input ends. A schema that takes longer, or more memory, ends the process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    # The grammar does not depend on the model's vocabulary: 256 tokens, one a byte, are enough, and need no model.
    tokenizer = llguidance.LLTokenizer("byte")
    _answer(None)
    for line in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        _answer(schema_error(line, tokenizer))


def _answer(reason: str | None) -> None:
    sys.stdout.write(json.dumps(reason) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
