"""A certificate for the parts of one server that talk to each other over gRPC: each proves that it holds the key."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from llmbatch_stack.credentials import write_private

_VALID = datetime.timedelta(days=3650)


@dataclass(frozen=True)
class Certificate:
    """Where certificate and key are. The certificate is its own authority."""

    certificate: Path
    key: Path

    @classmethod
    def in_folder(cls, folder: Path) -> "Certificate":
        """Return the certificate of a folder."""
        return cls(folder / "grpc-certificate.pem", folder / "grpc-key.pem")

    def make(self) -> None:
        """Write a new pair, readable by the owner only."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "llmbatch")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + _VALID)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        plain = serialization.NoEncryption()
        write_private(self.certificate, certificate.public_bytes(pem).decode())
        write_private(self.key, key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain).decode())
