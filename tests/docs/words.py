"""Words that nobody looks for, each with the one of docs/glossary.md or of plain English that stands in its place."""

import re
from collections.abc import Iterator

CODE = re.compile(r"`[^`\n]*`")
# Names of the code: an older metaphor, refused wherever a user reads.
OLD = {
    r"\bcompan(?:y|ies)\b": "coalescer",
    r"\bpatients?\b": "target",
    r"\bwards?\b": "test host",
    r"\bshel(?:f|ves)\b": "backup store",
    r"\bleash(?:es)?\b": "parent-death signal",
    r"(?<!side by )(?<!client )(?<!server )\bsides?\b(?! by side)": "peer, or: both ends, client and server",
}
# Turns of phrase that are ours alone.
IDIOM = {
    r"\brested\b": "idle",
    r"\brules between (?:its|the) numbers\b": "configuration rules",
    r"\b(?:log|poll|layer) carries (?:the chat|on)\b": "messages still arrive, through the database",
    r"\bcarr(?:y|ies) over\b": "can be compared between machines",
    r"\bguard less\b": "with one guard removed",
    r"\bstack of `up`": "local stack",
    r"\brooms of the code\b": "modules",
    r"\b(?:is|are) another(?: one)?(?= ?(?:[.,;:)]|$))": "is different",
    r"\b(?:is|are) at it\b": "is running",
    r"\broads?\b": "way, steps, option",
    r"\bwants? it no more\b": "to turn it off",
    r"\bchange their minds\b": "fail over, elect a new master",
    r"\bin vain\b": "without a result",
    r"(?<!by )\bhand(?:s|ed)? on\b": "forward",
    r"\bshakes? hands\b": "opens a TLS connection",
    r"\bwhat serves\b|\bthat serves already\b": "the running release",
    r"\bmend(?:s|ed|ing)?\b": "fix, repair",
    r"\bputs? (?:him|her|them|somebody) out\b|\bshuts? somebody out\b": "ban",
    r"\bbrought up (?:from|to)\b|\bcould not be brought up\b": "catches up",
    r"\bbe(?:ing)? had\b": "be read",
    r"\b(?:take|has|have) (?:its|their) turns?\b|\btake turns\b": "run alternately",
    r"\bwhoever\b": "anyone who, the person who",
    r"\bfaults? of ours\b": "a bug in Parley",
    r"\bbeliev(?:e|es|ed)\b": "trust, accept",
    r"\banew\b": "again",
    r"\bstands? (?:in|there|on|beside|twice)\b": "is",
    r"\bheld against\b": "compared with",
    r"\ball the same\b": "anyway, still",
    r"\b(?:is|are) told\b": "gets, receives",
}


def faults(text: str, *, idiom: bool = True) -> Iterator[str]:
    """Give a line for each refused word: where, the word, and the better one. Names in backticks are the code's."""
    flat = text.replace("\n", " ")  # a phrase may go over the end of a line
    for read, words in ((CODE.sub(lambda code: "." * len(code[0]), flat), OLD), (flat, IDIOM if idiom else {})):
        for pattern, better in words.items():
            for match in re.finditer(pattern, read, re.IGNORECASE):
                number = text.count("\n", 0, match.start()) + 1
                yield f"{number}: {match[0]!r}: write {better!r}"
