"""Values that a user may send, odd ones more often than by chance."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from llmbatch.core.endpoints import Endpoint

TEXTS = st.one_of(
    st.sampled_from(["", " ", "a", "user", "\x00", "\ud800", "\u2028", "NaN", "{", "[]", "[" * 1200, "x" * 5000]),
    st.text(st.characters(exclude_categories=()), max_size=12),
)
NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 1e308, -0.0, 0.5, float("nan"), float("inf")]),
    st.integers(),
    st.floats(),
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
KEYS = st.one_of(
    st.sampled_from("custom_id id prompt text messages body url method role content type sampling stop seed".split()),
    st.sampled_from("max_tokens n top_k temperature model response_format json_schema schema guided_json name".split()),
    TEXTS,
)


def nested(depth: int) -> list[object]:
    """Return lists in lists, made without recursion."""
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


JSON = st.one_of(
    st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
    ),
    st.sampled_from([10, 400, 800]).map(nested),
)
"""Any value that Python's JSON writes, NaN and half surrogate pairs too."""

MESSAGES = st.lists(st.fixed_dictionaries({}, optional={"role": JSON | st.just("user"), "content": JSON}), max_size=3)
SAMPLING = st.dictionaries(
    st.sampled_from(
        """
        max_tokens min_tokens temperature top_p top_k min_p seed stop n ignore_eos logit_bias tools tool_choice best_of
        logprobs top_logprobs structured_outputs chat_template_kwargs priority input query documents text_1 text_2
        """.split()
    ),
    LEAVES | st.lists(TEXTS, max_size=2) | JSON,
    max_size=4,
)
BODY = st.builds(
    lambda sampling, rest: {**sampling, **rest},
    SAMPLING,
    st.fixed_dictionaries(
        {},
        optional={
            "messages": MESSAGES | JSON,
            "prompt": JSON | st.lists(TEXTS, max_size=2),
            "response_format": st.fixed_dictionaries(
                {"type": JSON | st.just("json_schema")}, optional={"json_schema": JSON}
            ),
            "guided_json": JSON,
        },
    ),
)
OPENAI = st.fixed_dictionaries(
    {},
    optional={
        "custom_id": JSON | st.text("ab", min_size=1, max_size=1),
        "method": st.just("POST") | JSON,
        "url": st.sampled_from([endpoint.value for endpoint in Endpoint]) | JSON,
        "body": BODY | JSON,
    },
)
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "prompt": TEXTS | JSON,
        "text": JSON,
        "messages": MESSAGES | JSON | TEXTS,
        "sampling": SAMPLING | JSON | SAMPLING.map(json.dumps),
        "request": SAMPLING | JSON | SAMPLING.map(json.dumps),
        "id": LEAVES | JSON,
        "custom_id": LEAVES | JSON,
    },
)


def line_of(value: object) -> bytes:
    """Return one line of JSON text; half of a surrogate pair stays escaped."""
    return json.dumps(value).encode()
