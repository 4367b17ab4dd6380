"""Suggestions (did-you-mean) for unknown names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import SequenceMatcher
from heapq import nlargest
from itertools import islice

from workflows.spec.catalogue import App, AppCatalogue, plain

MOST_CANDIDATES = 500
"""Beyond this many candidates only case and separators are ignored: comparing costs time."""
MOST_READ = 10_000
"""Candidates beyond this many are not read: a document may hold a million names."""
ALIKE = 0.7
"""How alike (0 to 1) a name must be to be suggested."""
MOST_COMPARED = 4
"""Names that are compared letter by letter with one that is not known."""
NEAR = 0.85
"""How alike (0 to 1) a misspelt app must be to be corrected."""
CLEARLY = 0.03
"""How much nearer than any other app it must be."""
MOST_APPS = 3
"""Apps that are named where one name could mean several."""
_SCHEME = re.compile(r"^(?:bvbrc|gowe):/*", re.IGNORECASE)


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """``did you mean 'x'?``, or nothing."""
    known = list(islice(candidates, MOST_READ))
    near = _closest(word, known)
    return f"did you mean {near!r}?" if near else ""


def same_name(word: str, candidates: Iterable[str]) -> str:
    """The only candidate that differs in case and separators alone; empty if there is none."""
    wanted = plain(word)
    found = [name for name in candidates if plain(name) == wanted]
    return found[0] if len(found) == 1 and wanted else ""


def app_meant(word: str, catalogue: AppCatalogue) -> App | None:
    """The app of an alias or of a misspelt id, if it is unambiguous. CWL's form, ``bvbrc://Date``
    or ``gowe://…``, is accepted.
    """
    name = plain(_SCHEME.sub("", word))
    known = catalogue.names.get(name) or _misspelt(name, catalogue.names)
    return catalogue.apps.get(known) if known else None


def closest_apps(word: str, names: Iterable[str]) -> list[str]:
    """At most three apps whose names resemble the word, the nearest first.

    Numbers are versions: of names that are equally near, the newest comes first.
    """
    wanted, _ = _version(plain(_SCHEME.sub("", word[:200])))
    likeness = SequenceMatcher(None, "", wanted)
    scores: list[tuple[float, int, str]] = []
    for name in names:
        letters, number = _version(plain(name))
        likeness.set_seq1(letters)
        if likeness.quick_ratio() >= ALIKE and (score := likeness.ratio()) >= ALIKE:
            scores.append((score, int(number or 0), name))
    return [name for _, _, name in nlargest(MOST_APPS, scores)]


def apps_meant(word: str, names: Iterable[str]) -> str:
    """``did you mean 'X', 'Y' or 'Z'?``, or nothing."""
    shown = [repr(name) for name in closest_apps(word, names)]
    if not shown:
        return ""
    *first, last = shown
    return f"did you mean {', '.join(first)} or {last}?" if first else f"did you mean {last}?"


def _version(name: str) -> tuple[str, str]:
    """A plain name without its digits, and the digits at its end."""
    letters = re.sub(r"\d+", "", name)
    return letters, (re.search(r"\d{0,9}$", name) or [""])[0]


def list_names(names: Collection[str], most: int = 20) -> str:
    """Names as a list in a sentence."""
    shown = ", ".join(repr(name) for name in islice(names, most))
    return f"{shown}, …" if len(names) > most else shown


def _closest(word: str, known: list[str]) -> str:
    if len(known) > MOST_CANDIDATES:
        return next((name for name in known if name.casefold() == word.casefold()), "")
    same = same_name(word[:200], known)
    if same:
        return same
    forms = {plain(name): name for name in reversed(known)}
    near = _nearest(plain(word[:200]), forms)
    return forms[near] if near else ""


def _nearest(word: str, forms: Iterable[str]) -> str:
    """The most similar form. A quick comparison of letter counts selects the candidates that are
    compared letter by letter, which takes milliseconds for long names.
    """
    likeness = SequenceMatcher(None, "", word)
    alike: list[tuple[float, str]] = []
    for form in forms:
        likeness.set_seq1(form)
        if likeness.real_quick_ratio() >= ALIKE and (score := likeness.quick_ratio()) >= ALIKE:
            alike.append((score, form))
    best, found = ALIKE, ""
    for _, form in nlargest(MOST_COMPARED, alike):
        likeness.set_seq1(form)
        if (score := likeness.ratio()) >= best:
            best, found = score, form
    return found


def _misspelt(word: str, names: Mapping[str, str]) -> str:
    """The app whose name is nearest; numbers must agree (GenomeAssembly is not …Assembly2)."""
    numbers = re.findall(r"\d+", word)
    likeness = SequenceMatcher(None, "", word[:200])
    scores: dict[str, float] = {}
    for name, app in names.items():
        likeness.set_seq1(name)
        if likeness.quick_ratio() >= NEAR - CLEARLY and re.findall(r"\d+", name) == numbers:
            scores[app] = max(likeness.ratio(), scores.get(app, 0.0))
    best, second = [*sorted(scores, key=lambda app: -scores[app]), "", ""][:2]
    if scores.get(best, 0.0) < NEAR or scores[best] - scores.get(second, 0.0) < CLEARLY:
        return ""
    return best
