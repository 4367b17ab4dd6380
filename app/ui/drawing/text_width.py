"""How wide a text is on a page, and what of it fits into a box; pure.

The server does not know the reader's font, so it reckons with the widest that is usual: DejaVu Sans
Bold, the font of a plain Linux. In narrower ones a text leaves some room.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_ASCII: Final = (
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696,
    696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683,
    683, 821, 837, 372, 372, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771,
    724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665,
    343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
)  # fmt: skip
"""Thousandths of the font's size, of the characters from the blank on."""
_BLANK: Final = 32
_USUAL: Final = 850
_WIDE: Final = 1_250
"""Of Chinese, Japanese and Korean signs, and of the widest letters of other alphabets."""


def text_width(text: str, size: float) -> float:
    """In the unit of the font's size."""
    return sum(map(_width, text)) * size / 1_000


def fit(text: str, room: float, size: float) -> str:
    """As much as fits into the room; the middle goes first, since names differ at their ends."""
    if text_width(text, size) <= room:
        return text
    for kept in range(len(text) - 1, 0, -1):
        front = (kept + 1) // 2
        shorter = f"{text[:front]}…{text[len(text) - (kept - front) :]}"
        if text_width(shorter, size) <= room:
            return shorter
    return "…"


def _width(char: str) -> int:
    place = ord(char) - _BLANK
    if 0 <= place < len(_ASCII):
        return _ASCII[place]
    if unicodedata.combining(char):
        return 0
    is_latin = unicodedata.name(char, "").startswith("LATIN")
    return _USUAL if is_latin and char not in "Ææ" else _WIDE
