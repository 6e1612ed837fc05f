"""The child that compiles constraints, exactly as the engine's backend does: it may hang or die of one.

``python compiler.py CPU_SECONDS MEMORY_BYTES`` writes a line once it is ready. Then it reads constraints, a JSON list
``[kind, spec]`` a line, and answers each with a line of JSON: the reason why the engine cannot decode to it, or null.
It is started by its path and imports nothing of llmbatch, so that it starts in a tenth of a second wherever the package
was loaded from.
"""

from __future__ import annotations

import json
import resource
import sys

import llguidance

_LONGEST = 300
_HEAD_OF_STATE = "\n<state>"
"""Where an error of llguidance goes on with the parser's state."""


def constraint_error(kind: str, spec: str, tokenizer: llguidance.LLTokenizer) -> str | None:
    """Compile a constraint and compute what its first token may be; return why that failed, or None."""
    try:
        grammar = grammar_of(kind, spec)
    except KeyError as error:
        return f"it has no {error}"
    except (ValueError, TypeError) as error:
        return short_reason(str(error))
    matcher = llguidance.LLMatcher(tokenizer, grammar, log_level=0)
    if not matcher.is_error():
        matcher.compute_bitmask()
    return short_reason(matcher.get_error()) if matcher.is_error() else None


def grammar_of(kind: str, spec: str) -> str:
    """Return the grammar that vLLM's backend ``guidance`` makes of a constraint in its default configuration.

    Raises:
        ValueError, KeyError, TypeError: it cannot make one.
    """
    if kind == "json":
        return _json_grammar(spec)
    if kind == "json_object":
        return _json_grammar('{"type": "object"}')
    if kind == "structural_tag":
        return _tag_grammar(spec)
    return llguidance.grammar_from(kind, spec)  # type: ignore[arg-type]  # it has the other kinds' names


def _json_grammar(schema: str | dict[str, object]) -> str:
    return llguidance.LLMatcher.grammar_from_json_schema(schema, defaults={"whitespace_flexible": True})


def _tag_grammar(spec: str) -> str:
    tag = json.loads(spec)
    triggers: list[str] = tag["triggers"]
    tags = []
    for each in tag["structures"]:
        begin: str = each["begin"]
        trigger = next((trigger for trigger in triggers if begin.startswith(trigger)), None)
        if trigger is None:
            raise ValueError(f"no trigger begins {begin!r}")
        grammar = _json_grammar(each["schema"])
        tags.append(llguidance.StructTag(trigger=trigger, begin=begin, grammar=grammar, end=each["end"]))
    if not tags:
        raise ValueError("it has no structures")
    return llguidance.StructTag.to_grammar(tags)


def short_reason(error: str) -> str:
    """Return an error of llguidance in one line: for a regular expression what is wrong, without the expression."""
    lines = error.partition(_HEAD_OF_STATE)[0].strip().splitlines() or ["no reason was given"]
    if any("regex parse error" in line for line in lines):
        cause = next((line for line in reversed(lines) if line.startswith("error: ")), "error: it cannot be read")
        return f"pattern: {cause.removeprefix('error: ')}"[:_LONGEST]
    return " ".join(" ".join(lines).split())[:_LONGEST]


def main(cpu_seconds: int, memory_bytes: int) -> None:
    """Serve until the standard input ends. A constraint that takes longer, or more memory, ends the process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    # The grammar does not depend on the model's vocabulary: 256 tokens, one a byte, are enough, and need no model.
    tokenizer = llguidance.LLTokenizer("byte")
    _answer(None)
    for line in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        kind, spec = json.loads(line)
        _answer(constraint_error(kind, spec, tokenizer))


def _answer(reason: str | None) -> None:
    sys.stdout.write(json.dumps(reason) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
