"""The lines of a requirements file, decoded and joined as pip does. Everything that reads such a file reads it here."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.errors import BadInputError
from deploy.model import reading

# As pip has them. UTF-32 before UTF-16, whose mark it begins with.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CODING = re.compile(rb"^\s*#.*?coding[:=]\s*([-\w.]+)")
CODING_LINES = 2  # of a file, in which its encoding may be said
COMMENT = re.compile(r"(^|\s+)#.*$")
NESTED = re.compile(r"(-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=-r)|(?<=-c))(\S.*)")


@dataclass(frozen=True)
class Line:
    """One requirement or option, without comments."""

    file: Path
    number: int  # of its first line in the file
    text: str

    @property
    def nested(self) -> tuple[Path, bool] | None:
        """Return the file that it names, which lies beside its own, and whether that only constrains versions."""
        found = NESTED.fullmatch(self.text)
        if not found:
            return None
        return self.file.parent / found[2].strip("'\""), found[1] in {"-c", "--constraint"}


def lines(file: Path) -> Iterator[Line]:
    """Give a file's lines; raise BadInputError for what is no regular file or no text."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(_text(file).splitlines(), 1):
        is_comment = COMMENT.match(line) is not None
        first = first if parts else number
        parts.append(COMMENT.sub("", line) if is_comment or not line.endswith("\\") else line.rstrip("\\"))
        if is_comment or not line.endswith("\\"):
            yield from _line(file, first, parts)
            parts = []
    yield from _line(file, first, parts)


def _line(file: Path, number: int, parts: list[str]) -> Iterator[Line]:
    plain = " ".join(COMMENT.sub("", " ".join(parts)).split())
    if plain:
        yield Line(file, number, plain)


def _text(file: Path) -> str:
    """Decode a file by its mark, by what it says of itself, or as UTF-8."""
    data = reading.content(file)
    said = [found[1].decode("ascii") for line in data.split(b"\n")[:CODING_LINES] if (found := CODING.match(line))]
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), (said or ["utf-8"])[0])
    try:
        return data.decode(encoding)
    except LookupError:
        raise BadInputError(f"{file} says that it is {encoding}, which Python does not know") from None
    except UnicodeError:
        raise BadInputError(f"{file} is not {encoding.removesuffix('-sig').upper()}") from None
