"""Texts and numbers that break what takes them for harmless."""

from hypothesis import strategies as st

# Controls, half a surrogate pair, letters that grow when case or form is folded, digits that are not 0 to 9,
# directions, what is drawn as nothing, markup, paths, formats.
PIECES = (
    "a", " ", "\0", "\x1b[2J", "\r\n", "\t", "\ud800", "\udfff", "ß", "ŉ", "ﬃ", "ﷺ", "İ", "ǰ", "e\u0301", "n̈",
    "\u202e", "שלום", "مرحبا", "\u200d", "\u3164", "\ufeff", "\ufffe", "👋🏽", "𝟘", "٣", "½", "-1", "<b>", "{{7}}",
    "' OR 1=1--", "%00", "%s", "../", "\\", "//evil.example", "javascript:", "NaN", "1e999", "$(x)", "(",
)  # fmt: skip
GROWING = ("ß", "ŉ", "ﬃ", "ﷺ", "İ")  # longer when folded or normalised
# At and beside what fields take (40, 64, 80, 128, 150, 254 and 4000 characters), half of it, and longer than all.
LENGTHS = (39, 40, 41, 64, 65, 76, 80, 81, 127, 128, 129, 149, 150, 151, 254, 255, 4000, 4001, 20_000)
# At and beside what 32 and 64 bits and a browser's number hold.
NUMBERS = (0, 1, -1, 2**31 - 1, 2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**400)


def _long(piece: str, length: int) -> str:
    return (piece * length)[:length]


long_texts = st.builds(_long, st.sampled_from(PIECES), st.sampled_from(LENGTHS))
odd_texts = st.one_of(
    st.sampled_from(NUMBERS).map(str),
    st.lists(st.sampled_from(PIECES), max_size=4).map("".join),
    long_texts,
    st.text(st.characters(), max_size=20),
)


def brimful(most: int) -> st.SearchStrategy[str]:
    """Draw texts that just fit into so many characters or just do not, and that may grow when they are stored."""
    lengths = (most // 2 + 1, most - 1, most, most + 1)
    return st.builds(_long, st.one_of(st.sampled_from(GROWING), st.sampled_from(PIECES)), st.sampled_from(lengths))
