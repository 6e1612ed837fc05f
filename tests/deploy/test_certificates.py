"""The script that makes certificates: what it makes can be used, stays, and replaces what cannot be used."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from fakes.certificates import SCRIPT, Certificates


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_a_host_gets_a_certificate_for_both_ends_of_a_connection(tmp_path: Path) -> None:
    Certificates.make(tmp_path, "ray-head,10.0.0.1,fd00::1")
    authority, host = read(tmp_path / "ca.pem"), read(tmp_path / "ray-head.pem")
    host.verify_directly_issued_by(authority)
    names = host.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["ray-head"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1", "fd00::1"]
    uses = set(host.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert uses == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not host.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    key = load_pem_private_key((tmp_path / "ray-head-key.pem").read_bytes(), None)
    assert key.public_key() == host.public_key()


def test_only_the_owner_reads_the_keys(tmp_path: Path) -> None:
    Certificates.make(tmp_path / "made", "a.example", "b.example")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "made").iterdir()}
    assert {mode for name, mode in modes.items() if name.endswith("-key.pem")} == {0o600}
    assert modes["ca.pem"] == 0o644
    assert not [name for name in modes if name.startswith("making")]


def test_what_can_be_used_is_kept(tmp_path: Path) -> None:
    Certificates.make(tmp_path, "a.example", "b.example")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    Certificates.make(tmp_path, "a.example", "b.example,10.0.0.2", "c.example")
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"b.example.pem", "b.example-key.pem", "b.example.names", "ca.srl"}
    assert read(tmp_path / "c.example.pem").issuer == read(tmp_path / "ca.pem").subject


def test_the_authority_s_end_ends_its_certificates(tmp_path: Path) -> None:
    Certificates.make(tmp_path, "a.example")
    (tmp_path / "ca.pem").unlink()
    old = (tmp_path / "a.example.pem").read_bytes()
    Certificates.make(tmp_path, "a.example")
    assert (tmp_path / "a.example.pem").read_bytes() != old
    read(tmp_path / "a.example.pem").verify_directly_issued_by(read(tmp_path / "ca.pem"))


@pytest.mark.parametrize("host", ["", "a b", "../a", "ca", "a,ca/", "-a", "a;b", "a\nb", "*.example"])
def test_a_name_that_no_host_has_is_refused(tmp_path: Path, host: str) -> None:
    done = subprocess.run([SCRIPT, tmp_path / "made", host], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is no name or address of a host" in done.stderr
    assert [path.name for path in (tmp_path / "made").iterdir()] in ([], ["ca.pem", "ca-key.pem"], ["ca-key.pem", "ca.pem"])


@pytest.mark.parametrize("arguments", [[], ["folder"]])
def test_too_few_arguments_get_the_usage(tmp_path: Path, arguments: list[str]) -> None:
    done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr[:6]) == (2, "usage:")
    assert list(tmp_path.iterdir()) == []
