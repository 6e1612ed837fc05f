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
_TRUE = ("1", "true", "yes", "on", "y", "t")
_BEST_OF_ALL = "unsafe-best-match"
"""uv's name for what pip does: every index counts, none hides a package of another."""


@dataclass(frozen=True)
class PackageSources:
    """What a uv command is given: its whole environment, and options that no variable stands for.

    `variables` leave out the extra indexes of pip: one that has only some builds of a release can turn the resolver to
    an older release, and a lock must not depend on the machine. An exact installation uses them all.
    """

    variables: Mapping[str, str]
    options: tuple[str, ...] = ()
    extra_indexes: tuple[str, ...] = ()

    def index_only(self) -> Mapping[str, str]:
        """Return the variables without folders and pages of files (`find-links`)."""
        return {name: value for name, value in self.variables.items() if name != "UV_FIND_LINKS"}

    def with_extra(self, *more: str) -> Mapping[str, str]:
        """Return the variables with the extra indexes of pip and `more`, all on equal footing."""
        extra = (*self.extra_indexes, *more)
        if not extra:
            return self.variables
        indexes = " ".join((self.variables.get("UV_INDEX", ""), *extra)).strip()
        return {"UV_INDEX_STRATEGY": _BEST_OF_ALL, **self.variables, "UV_INDEX": indexes}


def from_pip(listing: str, environ: Mapping[str, str]) -> PackageSources:
    """Translate the output of `pip config list`; what `environ` has for uv already wins.

    pip ignores a folder of `find-links` that does not exist; uv would fail, so it is left out here.
    """
    pip = _options(listing)
    translated = {
        "UV_FIND_LINKS": ",".join(_usable(pip.get("find-links", "").split())),
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": _whole_seconds(pip.get("timeout") or pip.get("default-timeout", "")),
        "SSL_CERT_FILE": pip.get("cert") or environ.get("REQUESTS_CA_BUNDLE", ""),
        "SSL_CLIENT_CERT": pip.get("client-cert", ""),
        "ALL_PROXY": pip.get("proxy", ""),
    }
    # uv's older names of its two variables for indexes count too
    if "UV_INDEX_URL" not in environ:
        translated["UV_DEFAULT_INDEX"] = pip.get("index-url", "")
    own = environ.keys() & {"UV_INDEX", "UV_EXTRA_INDEX_URL"}
    return PackageSources(
        variables={**{name: value for name, value in translated.items() if value}, **environ},
        options=("--no-index",) if pip.get("no-index", "").lower() in _TRUE else (),
        extra_indexes=() if own else tuple(pip.get("extra-index-url", "").split()),
    )


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
