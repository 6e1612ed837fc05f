"""Generate ``prompts/python_docs.jsonl``: questions about real text, in OpenAI's batch format.

The text is the documentation of Python's standard library (docstrings of CPython 3.11, PSF License Agreement 2.0, see
``prompts/LICENSE.python_docs``). Each row contains one question about one function or class. Lengths vary as those of
the docstrings do, from a line to a page.

Run: ``python3.11 examples/make_prompts.py > examples/prompts/python_docs.jsonl`` (the output depends only on
the Python patch release).
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Iterator

MODULES = """
argparse array ast asyncio base64 bisect calendar cmath collections configparser contextlib copy csv
datetime decimal difflib email enum fnmatch fractions functools glob gzip heapq hashlib html
http.client inspect io ipaddress itertools json linecache locale logging lzma mailbox math mimetypes
operator os os.path pathlib pickle platform pprint queue random re sched secrets select shelve shlex
shutil signal smtplib socket sqlite3 ssl stat statistics string struct subprocess sys tarfile
tempfile textwrap threading time timeit tokenize traceback types typing unicodedata unittest
urllib.parse urllib.request uuid warnings weakref xml.etree.ElementTree zipfile
""".split()
QUESTIONS = (
    "Explain in two sentences, for a beginner, what `{name}` does:\n\n{doc}",
    "Here is the documentation of `{name}`:\n\n{doc}\n\nWhen would a programmer use it? Answer briefly.",
    "Summarise this documentation of `{name}` in one sentence:\n\n{doc}",
    "{doc}\n\nGiven this documentation of `{name}`, name one mistake that a user could make.",
)
ROWS, SHORTEST, LONGEST = 640, 80, 2400


def documented() -> Iterator[tuple[str, str]]:
    """Yield qualified names and docstrings of public functions and classes, each docstring once."""
    seen: set[str] = set()
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name, member in sorted(vars(module).items()):
            doc = inspect.getdoc(member) if callable(member) else None
            if name.startswith("_") or not doc or doc in seen or not SHORTEST <= len(doc) <= LONGEST:
                continue
            if any(ord(letter) < 32 and letter not in "\n\t" for letter in doc):
                continue
            seen.add(doc)
            yield f"{module_name}.{name}", doc


def main() -> None:
    """Write the rows, shuffled by a hash so that lengths are mixed."""
    entries = sorted(documented(), key=lambda entry: hashlib.sha256(entry[0].encode()).digest())[:ROWS]
    for index, (name, doc) in enumerate(entries):
        body = {
            "model": "smollm2",
            "messages": [{"role": "user", "content": QUESTIONS[index % len(QUESTIONS)].format(name=name, doc=doc)}],
        }
        row = {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
