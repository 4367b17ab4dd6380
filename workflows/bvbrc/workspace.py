"""The Workspace, where jobs read and write: folders, results of jobs, groups of genomes.

The Workspace reads without a token, so an expired one makes the caller anonymous and the object
forbidden (Workspace.spec: get, ls). This client raises ``Unauthorized`` for an expired token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from workflows.bvbrc import wire
from workflows.bvbrc.rpc import Call, Rpc, local_time, require_alive
from workflows.bvbrc.safe_text import moment, plain
from workflows.model.errors import NotFound, Rejected, ServiceAway
from workflows.model.values import Json

ABSENT: Final = (
    "Object not found!",
    "Workspace not found!",
    "User lacks permission to / for requested action!",  # so is a workspace that does not exist
)
TAKEN: Final = "Overwriting object"
LIMIT_BYTES: Final = 16 * 1024 * 1024
META_FIELDS: Final = 12

GroupType = Literal["genome_group", "feature_group"]
MEMBERS: Final[Mapping[GroupType, str]] = {
    "genome_group": "genome_id",
    "feature_group": "feature_id",
}
"""Types of groups to the key of their members in ``id_list``."""


@dataclass(frozen=True, slots=True)
class Item:
    """An object or a folder, without its content."""

    path: str
    type: str
    created_at: datetime | None
    owner: str
    size_bytes: int
    uuid: str
    """Overwriting the object makes another one; a move keeps it."""
    shock_url: str
    """Where the content is, if not in the Workspace itself; else empty."""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def is_folder(self) -> bool:
        return self.type in ("folder", "modelfolder")


class Workspace:
    """The Workspace. Threads may share it; every call takes the token of the user it is for."""

    def __init__(
        self, rpc: Rpc, url: str, *, timeout: timedelta, now: Callable[[], datetime] = local_time
    ) -> None:
        """``now``: the time by which a token has expired."""
        self._now = now
        self._rpc = rpc
        self._url = url
        self._timeout = timeout

    def item(self, token: str, path: str) -> Item:
        """The object at the path. Raises ``NotFound``, and ``Rejected`` for one that the user may
        not see."""
        return self._get(token, path, metadata_only=1)[0]

    def items(self, token: str, paths: Sequence[str]) -> tuple[Item, ...]:
        """The objects at the paths, in their order, in one call. Raises as ``item``: one that is
        missing fails them all."""
        answer = self._call(token, "get", {"objects": list(paths), "metadata_only": 1})
        match answer:
            case list() if len(answer) == len(paths):
                return tuple(_item(_list("get", each)[0]) for each in answer if each)
            case _:
                raise _strange("get")

    def trees(self, token: str, folders: Sequence[str]) -> dict[str, tuple[Item, ...]]:
        """All that lies in each of the folders and below, in one call; nothing in one that is
        missing."""
        asked = [folder.rstrip("/") + "/" for folder in folders]
        listing = self._call(token, "ls", {"paths": asked, "recursive": True})
        if not isinstance(listing, Mapping):
            raise _strange("ls")
        return {
            folder: tuple(_item(meta) for meta in _list("ls", listing.get(path, [])))
            for folder, path in zip(folders, asked, strict=True)
        }

    def read(self, token: str, path: str) -> str:
        """The content of an object, wherever it is kept. Raises as ``item``, and ``Rejected`` for
        one of more than ``LIMIT_BYTES``.
        """
        item, content = self._get(token, path)
        return self._download(token, item.shock_url) if item.shock_url else content

    def ls(
        self, token: str, folder: str, *, limit_bytes: int = wire.LIMIT_BYTES
    ) -> tuple[Item, ...]:
        """The objects in a folder, hidden ones too; empty if there is no such folder.
        ``ServiceAway`` for more than ``limit_bytes``: some hundred an object.
        """
        wanted = {"paths": [folder.rstrip("/") + "/"], "recursive": False}
        try:
            listing = self._call(token, "ls", wanted, limit_bytes)
        except NotFound:
            return ()
        if not isinstance(listing, Mapping):
            raise _strange("ls")
        return tuple(_item(meta) for metas in listing.values() for meta in _list("ls", metas))

    def ls_many(self, token: str, folders: Sequence[str]) -> dict[str, Item]:
        """Path to object, of all that is in these folders; one call. Folders that do not exist are
        empty. Raises ``Rejected`` where the user may not see one of them.
        """
        wanted = {"paths": [folder.rstrip("/") + "/" for folder in folders], "recursive": False}
        try:
            listing = self._call(token, "ls", wanted)
        except NotFound:
            return {}
        if not isinstance(listing, Mapping):
            raise _strange("ls")
        items = (_item(meta) for metas in listing.values() for meta in _list("ls", metas))
        return {item.path: item for item in items}

    def create_folder(self, token: str, path: str) -> None:
        """Makes the folder and those above it; does nothing where it is. Raises ``Rejected`` where
        it cannot be made.
        """
        self._create(token, [path, "folder", {}, None], overwrite=0)

    def save(
        self, token: str, path: str, kind: str, content: Json, *, overwrite: bool = False
    ) -> None:
        """Stores an object and makes the folders above it. Raises ``Rejected``, also for a path
        that is taken unless ``overwrite``. Doing it again does no harm, but may be ``Rejected``.
        """
        self._create(token, [path, kind, {}, content], overwrite=int(overwrite))

    def save_group(self, token: str, path: str, kind: GroupType, members: Sequence[str]) -> None:
        """Stores a group; does nothing if it exists with the same members. Raises ``Rejected`` if
        the path holds any other object: a user's group is never overwritten.
        """
        name = path.rpartition("/")[2]
        content = {"id_list": {MEMBERS[kind]: list(members)}, "name": name}
        try:
            self.save(token, path, kind, content)
        except Rejected as refusal:
            taken = str(refusal).startswith(TAKEN)
            if not taken or set(self.group(token, path)) != set(members):
                raise

    def group(self, token: str, path: str) -> tuple[str, ...]:
        """The ids of a group's members. Raises as ``read``, and ``Rejected`` if it is no group."""
        ids = _object(path, self.read(token, path)).get("id_list")
        if not isinstance(ids, Mapping):
            raise Rejected(f"{path} is not a group")
        lists = [value for value in ids.values() if isinstance(value, list)]
        return tuple(str(member) for members in lists for member in members)

    def job_result(self, token: str, path: str) -> Mapping[str, Json]:
        """What a job left at ``<output_path>/<output_file>``: ``{success, output_files: [[path,
        id]], job_output, …}``. A failed job leaves one too; a killed one, or one that was never
        started, does not. Raises as ``read``.
        """
        return _object(path, self.read(token, path))

    def _get(self, token: str, path: str, **options: int) -> tuple[Item, str]:
        match self._call(token, "get", {"objects": [path], **options}):
            case [[list() as meta]]:
                return _item(meta), ""
            case [[list() as meta, content]]:
                return _item(meta), content if isinstance(content, str) else json.dumps(content)
            case _:
                raise _strange("get")

    def _create(self, token: str, entry: list[Any], *, overwrite: int) -> None:
        """Where the workspace at the top is missing, the service makes that and drops the object
        without a word: so it is asked twice. A folder that exists is not in the answer either.
        """
        path = entry[0] = re.sub("/+", "/", entry[0]).rstrip("/")
        wanted = {"objects": [entry], "overwrite": overwrite, "permission": "n"}
        for _ in range(2):
            created = _list("create", self._call(token, "create", wanted))
            if any(_item(meta).path == path for meta in created):
                return
            if entry[1] == "folder" and self._exists(token, path):
                return
        raise Rejected(f"the Workspace did not store {path}")

    def _exists(self, token: str, path: str) -> bool:
        try:
            return self.item(token, path).is_folder
        except NotFound:
            return False

    def _call(
        self,
        token: str,
        method: str,
        argument: Mapping[str, Any],
        limit_bytes: int = wire.LIMIT_BYTES,
    ) -> Any:
        """The one return value, given the one argument."""
        require_alive(token, self._now())
        name = f"Workspace.{method}"
        call = Call(self._url, name, [argument], self._timeout, limit_bytes=limit_bytes)
        try:
            result = self._rpc.call(token, call)
        except Rejected as refusal:
            if str(refusal).startswith(ABSENT):
                raise NotFound(str(refusal)) from refusal
            raise
        if not result:
            raise _strange(method)
        return result[0]

    def _download(self, token: str, url: str) -> str:
        """Downloads the content; the token goes only to the Workspace's own host."""
        if urlsplit(url)[:2] != urlsplit(self._url)[:2]:
            raise Rejected("the content is kept on another host")
        answer = self._rpc.fetch(
            token, f"{url}?download", timeout=self._timeout, limit_bytes=LIMIT_BYTES
        )
        if answer.status != HTTPStatus.OK:
            raise ServiceAway(f"HTTP {answer.status} instead of the content of an object")
        if answer.cut:
            raise Rejected(f"the content is longer than {LIMIT_BYTES} bytes")
        return answer.body.decode("utf-8", "replace")


def group_path(user: str, kind: GroupType, name: str) -> str:
    """Where a user's group of that name is. Raises ``Rejected`` for what cannot be a name."""
    if not name.strip() or "/" in name or ":" in name:
        raise Rejected(f"a group cannot be called {name!r}")
    folder = "Genome Groups" if kind == "genome_group" else "Feature Groups"
    return f"/{user}/home/{folder}/{name}"


def _item(meta: Any) -> Item:
    """Reads an ObjectMeta: 12 values by position (WorkspaceImpl: _generate_object_meta)."""
    if not isinstance(meta, list) or len(meta) < META_FIELDS:
        raise _strange("the description of an object")
    return Item(
        path=plain(meta[2]) + plain(meta[0]),
        type=plain(meta[1]),
        created_at=moment(meta[3]),
        uuid=plain(meta[4]),
        owner=plain(meta[5]),
        size_bytes=meta[6] if isinstance(meta[6], int) else 0,
        shock_url=plain(meta[11]),
    )


def _object(path: str, content: str) -> Mapping[str, Json]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, Mapping):
        raise Rejected(f"{path} is not a JSON object")
    return value


def _list(method: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _strange(method)
    return value


def _strange(what: str) -> ServiceAway:
    return ServiceAway(f"the Workspace answered {what} in a shape of its own")
