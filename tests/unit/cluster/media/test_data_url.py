"""``data:`` URLs that cannot be used name their part and not their data."""

from __future__ import annotations

import pytest

from fakes.media_rows import data_url as url_of
from fakes.media_rows import media, png
from llmbatch.cluster.media import data_url
from llmbatch.core.errors import RowError

MOST = 1000


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("data:image/png", "without ;base64"),
        ("data:image/png,AAAA", "without ;base64"),
        ("data:image/png;base64,SECRET*=", "is not base64"),
        ("data:image/png;base64,SECRE", "is not base64"),
        ("data:image/png;base64,SECRÉT==", "is not base64"),
        ("data:image/png;base64,SECR\nETAA", "is not base64"),
        ("data:image/png;base64,", "has no data"),
        ("data:video/jpeg;base64,AAAA,BBBB", "is not base64"),
        ("data:image/png;base64," + "SECRET" * 250, "has 1125 bytes, and 1000 are the limit"),
    ],
)
def test_refused(url: str, expected: str) -> None:
    with pytest.raises(RowError, match=r"messages\[1\]\.content\[1\]\.image_url\.url: ") as caught:
        data_url.pieces(media(url), MOST)
    assert expected in caught.value.message
    assert "SECR" not in caught.value.message


def test_the_largest_one_passes_and_one_more_byte_does_not() -> None:
    assert data_url.pieces(media(url_of(b"x" * MOST)), MOST) == [b"x" * MOST]
    with pytest.raises(RowError, match="1000 are the limit"):
        data_url.pieces(media(url_of(b"x" * (MOST + 1))), MOST)


def test_what_is_made_is_read() -> None:
    assert data_url.pieces(media(data_url.made(png())), MOST) == [png()]


def test_the_frames_of_a_film_are_pieces() -> None:
    film = media("DATA:video/jpeg;base64,QQ==,Qg==", "video_url")
    assert data_url.pieces(film, MOST) == [b"A", b"B"]
    assert data_url.has_frames(film)
