"""The certificate of SeaweedFS's parts: private, and good for both ends of a connection."""

import ssl
import stat
from pathlib import Path

from llmbatch_stack.components.certificate import Certificate


def test_both_ends_trust_it_and_only_the_owner_reads_it(tmp_path: Path) -> None:
    pair = Certificate.in_folder(tmp_path)
    pair.make()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (pair.certificate, pair.key)} == {0o600}
    context = ssl.create_default_context(cafile=pair.certificate)
    context.load_cert_chain(pair.certificate, pair.key)
    before = pair.key.read_text()
    pair.make()
    assert pair.key.read_text() != before
