"""A frame on its way out."""

import pytest
from websockets.frames import Frame, Opcode

from server.outbox import text_frame


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 645, 65_535, 65_536, 70_000])
def test_a_frame_is_what_the_library_would_make_of_it(length: int) -> None:
    assert text_frame(b"x" * length) == Frame(Opcode.TEXT, b"x" * length).serialize(mask=False)
