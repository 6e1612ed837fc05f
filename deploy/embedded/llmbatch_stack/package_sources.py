"""Where packages come from: what pip is configured with, translated for uv, which reads nothing of it.

Standard library only.
"""

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

# later ones win, as in `pip install`
_SECTIONS = ("global", "install", ":env:")
_SYNONYMS = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}
"""Variables of uv and their older names."""
_BEST_OF_ALL = "unsafe-best-match"
"""uv's name for what pip does: every index counts, none hides a package of another."""


@dataclass(frozen=True)
class PackageSources:
    """What a uv command is given: its whole environment, and options that no variable stands for."""

    variables: Mapping[str, str]
    options: tuple[str, ...] = ()

    def with_index(self, url: str) -> "PackageSources":
        """Return these sources and one more index."""
        indexes = f"{self.variables.get('UV_INDEX', '')} {url}".strip()
        return PackageSources({"UV_INDEX_STRATEGY": _BEST_OF_ALL, **self.variables, "UV_INDEX": indexes}, self.options)


def from_pip(listing: str, environ: Mapping[str, str]) -> PackageSources:
    """Translate the output of `pip config list`; what `environ` has for uv already wins.

    pip ignores a folder of `find-links` that does not exist; uv would fail, so it is left out here.
    """
    pip = _options(listing)
    extra = " ".join(pip.get("extra-index-url", "").split())
    translated = {
        "UV_FIND_LINKS": ",".join(_usable(pip.get("find-links", "").split())),
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": extra,
        "UV_INDEX_STRATEGY": extra and _BEST_OF_ALL,
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": _whole_seconds(pip.get("timeout") or pip.get("default-timeout", "")),
        "SSL_CERT_FILE": pip.get("cert") or environ.get("REQUESTS_CA_BUNDLE", ""),
        "SSL_CLIENT_CERT": pip.get("client-cert", ""),
        "ALL_PROXY": pip.get("proxy", ""),
    }
    ours = {name: value for name, value in translated.items() if value and _SYNONYMS.get(name) not in environ}
    without_index = pip.get("no-index", "").lower() in {"1", "true", "yes", "on", "y", "t"}
    return PackageSources({**ours, **environ}, ("--no-index",) if without_index else ())


def _options(listing: str) -> dict[str, str]:
    """Read lines such as `global.find-links='/a /b'` as `pip install` would; it ignores empty values."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in listing.splitlines():
        key, _, text = line.partition("=")
        section, _, name = key.partition(".")
        if section in found and (value := str(ast.literal_eval(text))):
            found[section][name] = value
    return {name: value for section in _SECTIONS for name, value in found[section].items()}


def _usable(links: list[str]) -> Iterator[str]:
    for link in links:
        if link.startswith(("http://", "https://")):
            yield link
            continue
        text = unquote(link.removeprefix("file://")) if link.startswith("file://") else link
        path = Path(text).expanduser().absolute()
        if path.exists():
            yield str(path)


def _whole_seconds(text: str) -> str:
    return str(math.ceil(float(text))) if text else ""
