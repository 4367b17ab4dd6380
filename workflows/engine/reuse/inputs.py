"""Reads from the Workspace what a job's inputs hold, with the token of the job's owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from workflows.bvbrc.workspace import Item, Workspace
from workflows.engine import app_catalogue
from workflows.engine.reuse.settings import ReuseSettings
from workflows.model.errors import NotFound, Rejected, ServiceError, Unauthorized, Unavailable
from workflows.model.values import APPSERVICE, Basis, Job
from workflows.reuse.inputs import (
    File,
    Identity,
    NoIdentity,
    TooYoung,
    file_identity,
    folder_identity,
    input_paths,
    result_identity,
)
from workflows.reuse.key import Facts, Parts, key_of, key_parts
from workflows.reuse.results import Place, place_of
from workflows.store import clock

log = structlog.get_logger(__name__)

_JOB_RESULT = "job_result"


def glance(settings: ReuseSettings | None, token: str, job: Job) -> Basis | None:
    """What the result of a job that is about to be sent will rest on; None where that is not
    known or the Workspace cannot be asked now. It raises nothing, and never delays a job for long:
    reuse is a saving.
    """
    if settings is None or not settings.record or job.backend != APPSERVICE or job.basis:
        return None
    if not place_of(job.params) or settings.rest.goes_on():
        return None
    try:
        return read_basis(settings, settings.glance, token, job)[0]
    except ServiceError:
        settings.rest.begin()
    except (NoIdentity, Unavailable):
        pass
    except Exception:  # a defect here must not keep a job from being sent
        log.exception("A job's inputs could not be noted", workflow_id=job.workflow, app=job.app)
    return None


def read_basis(
    settings: ReuseSettings,
    workspace: Workspace,
    token: str,
    job: Job,
    min_age: timedelta = timedelta(0),
) -> tuple[Basis, Parts]:
    """What the job's result would rest on now. Raises ``NoIdentity``, and ``ServiceError`` where
    the Workspace cannot be asked."""
    facts = facts_of(settings, job.app)
    if facts is None:
        raise NoIdentity(f"the app {job.app} is not known")
    paths = input_paths(job.params)
    found = read(workspace, token, paths).identities(paths, min_age)
    parts = key_parts(facts, job.params, found)
    return Basis(key_of(parts), facts.specification, facts.epoch, found), parts


def facts_of(settings: ReuseSettings, app: str) -> Facts | None:
    """None for an app that must not be reused, or is not known. Raises ``Unavailable``."""
    known, specification = app_catalogue.app_and_digest(app)
    if known is None or known.volatile or not known.in_table:
        return None
    return Facts(known, specification, settings.epochs.get(app, ""))


def parts_of(facts: Facts, job: Job) -> Parts | None:
    """What the key of an earlier job was made of; None where that is no longer known."""
    basis = job.basis
    if basis is None:
        return None
    former = Facts(facts.app, basis.specification, basis.epoch)
    with suppress(KeyError):  # what is taken for a path has changed
        return key_parts(former, job.params, basis.inputs)
    return None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the Workspace says of some objects and folders."""

    items: Mapping[str, Item]
    """Path to object; those that are missing, or may not be read, are not in it."""
    trees: Mapping[str, Sequence[Item]]
    """Folder to all files below."""

    def identities(self, paths: Iterable[str], min_age: timedelta) -> dict[str, Identity]:
        """What each path holds. Raises ``NoIdentity``."""
        youngest = clock.now() - min_age if min_age else None
        return {path: self._identity(path, youngest) for path in paths}

    def _identity(self, path: str, youngest: datetime | None) -> Identity:
        item = self.items.get(path)
        if item is None:
            raise NoIdentity(f"{path} is missing, or cannot be read")
        tree = _tree_of(path, item)
        below = self.trees.get(tree, ())
        for each in below if item.is_folder else [item, *below]:
            _check(each, youngest)
        files = [file_of(each) for each in below]
        if item.is_folder:
            return folder_identity(path, files)
        own = File(path, item.uuid, item.size_bytes)
        return result_identity(own, tree, files) if tree else file_identity(own)


def read(
    workspace: Workspace, token: str, paths: Sequence[str], folders: Sequence[str] = ()
) -> Reading:
    """The objects at the paths, and the files in the folders and in those among the paths: two
    calls at most, where nothing is missing. Raises ``ServiceError``."""
    items = _present(workspace, token, list(dict.fromkeys(paths)))
    trees = [tree for path, item in items.items() if (tree := _tree_of(path, item))]
    wanted = list(dict.fromkeys([*folders, *trees]))
    found = workspace.trees(token, wanted) if wanted else {}
    files = {at: [each for each in below if not each.is_folder] for at, below in found.items()}
    return Reading(items, files)


def _present(workspace: Workspace, token: str, paths: Sequence[str]) -> dict[str, Item]:
    """Those that are there. One that is missing fails a call, so it is found by halving."""
    if not paths:
        return {}
    try:
        return dict(zip(paths, workspace.items(token, paths), strict=True))
    except Unauthorized:
        raise
    except (NotFound, Rejected):
        if len(paths) == 1:
            return {}
    half = len(paths) // 2
    return _present(workspace, token, paths[:half]) | _present(workspace, token, paths[half:])


def _tree_of(path: str, item: Item) -> str:
    """The folder whose files are the content of an object; empty for a file."""
    if item.is_folder:
        return path
    folder, _, name = path.rpartition("/")
    return Place(folder, name).hidden_folder if item.type == _JOB_RESULT else ""


def _check(item: Item, youngest: datetime | None) -> None:
    """Raises ``NoIdentity`` for a file whose content may change under its uuid."""
    if item.shock_url and not item.size_bytes:
        raise NoIdentity(f"{item.path} waits for its upload")
    if not item.uuid or item.created_at is None:
        raise NoIdentity(f"the Workspace does not say which object {item.path} is")
    if youngest and item.created_at > youngest:
        raise TooYoung(f"{item.path} is too young: it may still be written")


def file_of(item: Item) -> File:
    return File(item.path, item.uuid, item.size_bytes)
