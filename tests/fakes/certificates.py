"""Certificates of a test, made by the script that deployments use. It needs openssl."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "security" / "make-certificates.sh"
HOST = "localhost,127.0.0.1"


@dataclass(frozen=True)
class Certificates:
    """A private authority, and the certificate of this machine."""

    folder: Path

    @property
    def ca(self) -> Path:
        """Certificate of the authority."""
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        """Certificate of ``localhost`` and 127.0.0.1."""
        return self.folder / "localhost.pem"

    @property
    def key(self) -> Path:
        """Its key."""
        return self.folder / "localhost-key.pem"

    def of_server(self) -> ssl.SSLContext:
        """Return what a server of Python needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    @classmethod
    def make(cls, folder: Path, *hosts: str) -> Certificates:
        """Run the script; skip the test without openssl, but not in CI."""
        if shutil.which("openssl") is None and os.environ.get("CI") != "true":
            pytest.skip("there is no openssl")
        subprocess.run([SCRIPT, folder, *(hosts or (HOST,))], check=True, capture_output=True, timeout=60)
        return cls(folder)
