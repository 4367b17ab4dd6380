"""What was meant by a name that is not known."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches

from workflows.catalogue import App, AppCatalogue, plain

MOST_CANDIDATES = 500
"""Beyond this many only case and separators are forgiven: comparing costs time."""
NEAR = 0.85
"""How alike (0 to 1) a misspelt app must be to be put right without asking."""
CLEARLY = 0.03
"""How much nearer than any other app it must be."""


def meant(word: str, candidates: Iterable[str]) -> str:
    """``did you mean 'x'?``, or nothing."""
    known = list(candidates)
    near = _closest(word, known)
    return f"did you mean {near!r}?" if near else ""


def same_name(word: str, candidates: Iterable[str]) -> str:
    """The only candidate that differs in case and separators alone; empty if there is none."""
    wanted = plain(word)
    found = [name for name in candidates if plain(name) == wanted]
    return found[0] if len(found) == 1 and wanted else ""


def app_meant(word: str, catalogue: AppCatalogue) -> App | None:
    """The app that goes by another name, or by this one misspelt, if there can be no doubt."""
    known = catalogue.names.get(plain(word)) or _misspelt(plain(word), catalogue.names)
    return catalogue.apps.get(known) if known else None


def listed(names: Collection[str], most: int = 20) -> str:
    """Names as a sentence has them."""
    shown = ", ".join(repr(name) for name in list(names)[:most])
    return f"{shown}, …" if len(names) > most else shown


def _closest(word: str, known: list[str]) -> str:
    same = same_name(word[:200], known)
    if same or len(known) > MOST_CANDIDATES:
        return same
    forms = {plain(name): name for name in reversed(known)}
    near = get_close_matches(plain(word[:200]), forms, n=1, cutoff=0.7)
    return forms[near[0]] if near else ""


def _misspelt(word: str, names: Mapping[str, str]) -> str:
    """The app whose name is nearest; numbers must agree (GenomeAssembly is not …Assembly2)."""
    numbers = re.findall(r"\d+", word)
    scores: dict[str, float] = {}
    for name, app in names.items():
        if re.findall(r"\d+", name) == numbers:
            score = SequenceMatcher(None, name, word[:200]).ratio()
            scores[app] = max(score, scores.get(app, 0.0))
    best = sorted(scores, key=lambda app: scores[app])[-2:]
    alone = len(best) < 2 or scores[best[-1]] - scores[best[0]] >= CLEARLY  # noqa: PLR2004 - two
    return best[-1] if best and alone and scores[best[-1]] >= NEAR else ""
