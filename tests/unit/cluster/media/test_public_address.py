"""No spelling of a private address passes."""

from __future__ import annotations

import pytest

from llmbatch.cluster.media.public_address import NotPublicError, require_public

REFUSED = """
127.0.0.1 127.1.2.3 0.0.0.0 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 169.254.170.2 100.64.0.1 100.100.100.200
192.0.0.192 168.63.129.16 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 192.0.2.1
:: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe ::127.0.0.1 fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 ff02::1
64:ff9b::7f00:1 64:ff9b::808:808 2002:7f00:1:: 2002:a9fe:a9fe:: 2001:0:1::1 2001:db8::1
2130706433 0x7f000001 0177.0.0.1 127.1 127.0.0.01 localhost
""".split()


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    with pytest.raises(NotPublicError):
        require_public(text)


@pytest.mark.parametrize("text", ["8.8.8.8", "151.101.1.69", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public(text: str) -> None:
    require_public(text)
