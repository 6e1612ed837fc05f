"""What a user of the OpenAI SDK does with a batch, in the words of every version of the SDK. Imports the SDK only.

python sdk_scenario.py BASE_URL < '{"key": …, "model": …}' prints one JSON document of what the server answered.
"""

from __future__ import annotations

import io
import json
import sys
import time

import openai

ODD_ID = "odd\u2028\u2029\U0001f600"
"""Characters at which some readers cut lines."""
TERMINAL = {"completed", "failed", "expired", "cancelled"}


def line(custom_id: str, model: str, text: str, **body: object) -> str:
    messages = [{"role": "user", "content": text}]
    request = {"model": model, "messages": messages, "max_tokens": 8, **body}
    return json.dumps(
        {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": request}, ensure_ascii=False
    )


def until_over(client: openai.OpenAI, batch_id: str) -> list[dict[str, object]]:
    seen: list[dict[str, object]] = []
    while True:
        batch = client.batches.retrieve(batch_id)
        if not seen or seen[-1] != batch.model_dump():
            seen.append(batch.model_dump())
        if batch.status in TERMINAL:
            return seen
        time.sleep(0.5)


def main() -> None:
    given = json.load(sys.stdin)
    client = openai.OpenAI(base_url=sys.argv[1], api_key=given["key"])
    model = given["model"]
    rows = [
        line("one", model, "Hello."),
        line("hot", model, "Hello.", temperature="hot"),
        line(ODD_ID, model, "Hello, \u2028 \u0085 \U0001f600"),
    ]
    text = "\n".join(rows) + "\n"
    uploaded = client.files.create(file=("questions.jsonl", text.encode()), purpose="batch")
    bare = client.files.create(file=io.BytesIO(text.encode()), purpose="batch")
    batch = client.batches.create(
        input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"team": "a"}
    )
    bad = client.batches.create(input_file_id=bare.id, endpoint="/v1/completions", completion_window="24h")
    seen = until_over(client, batch.id)
    last = seen[-1]
    found = {
        "version": openai.__version__,
        "uploaded": uploaded.model_dump(),
        "same_bytes": client.files.content(uploaded.id).content == text.encode(),
        "created": batch.model_dump(),
        "seen": seen,
        "output": list(client.files.content(last["output_file_id"]).iter_lines()) if last["output_file_id"] else None,
        "errors": client.files.content(last["error_file_id"]).text if last["error_file_id"] else None,
        "bad": until_over(client, bad.id)[-1],
        "listed": [each.id for each in client.batches.list(limit=1)],
        "files": [each.id for each in client.files.list(limit=2)],
        "models": [each.id for each in client.models.list()],
        "model": client.models.retrieve(model).id,
        "deleted": client.files.delete(bare.id).model_dump(),
    }
    for name, call, argument in (
        ("cancel", client.batches.cancel, batch.id),
        ("gone", client.files.retrieve, bare.id),
        ("key", client.with_options(api_key="wrong").models.retrieve, model),
    ):
        try:
            call(argument)
        except openai.APIStatusError as error:
            found[name] = [type(error).__name__, error.status_code, str(error)]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
