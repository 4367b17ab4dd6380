"""The Workspace's methods; each takes one object as its argument (protocol.md 6.4, 6.5)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from simulator.tokens import Identity
from simulator.workspace.objects import READ, TYPES, WRITE, Item, Objects, split, workspace_error

Json = Any
Args = Mapping[str, Json]
OPEN_METHODS = frozenset({"get", "ls", "list_permissions", "get_download_url"})


class Methods:
    """The methods by name, over ``objects``."""

    def __init__(self, objects: Objects, rng: random.Random, url: str) -> None:
        self.objects = objects
        self.rng = rng
        self.url = url
        named: list[Callable[[str, Args], list[Json]]] = [
            self.get,
            self.ls,
            self.create,
            self.delete,
            self.copy,
            self.update_metadata,
            self.list_permissions,
            self.set_permissions,
            self.get_download_url,
        ]
        self.by_name = {each.__name__: as_method(each) for each in named}

    def get(self, user: str, args: Args) -> list[Json]:
        """One missing object fails the whole call."""
        items = [self.item(path, user) for path in require_argument(args, "objects")]
        bare = bool(args.get("metadata_only"))
        metas = [self.objects.meta_of(item, user) for item in items]
        pairs = zip(metas, items, strict=True)
        return [[[meta] if bare else [meta, item.text] for meta, item in pairs]]

    def ls(self, user: str, args: Args) -> list[Json]:
        """Empty and missing folders are left out."""
        listed = {
            path: self.list_path(path, user, args) for path in require_argument(args, "paths")
        }
        return [{path: metas for path, metas in listed.items() if metas}]

    def list_path(self, path: str, user: str, args: Args) -> list[Json]:
        kinds = set((args.get("query") or {}).get("type") or ())
        return [
            self.objects.meta_of(item, user)
            for item in self.inside(path, user, recursive=bool(args.get("recursive")))
            if (not kinds or item.kind in kinds)
            and not (args.get("excludeDirectories") and item.children is not None)
            and not (args.get("excludeObjects") and item.children is None)
        ]

    def inside(self, path: str, user: str, *, recursive: bool) -> Iterator[Item]:
        """What is in a folder; of ``/`` and ``/<user>``: the workspaces."""
        parts = split(path)
        if len(parts) < 2:  # noqa: PLR2004 - owner and workspace
            self.objects.workspace(f"/{user}/home")
            for workspace in self.objects:
                if workspace.permission(user) in READ and parts[:1] in ([], [workspace.root.owner]):
                    yield workspace.root
            return
        self.objects.readable(path, user)
        folder = self.objects.find(path)
        if folder:
            yield from folder.below() if recursive else (folder.children or {}).values()

    def create(self, user: str, args: Args) -> list[Json]:
        """New folders and objects, in no particular order; what was there already is left out."""
        overwrite = bool(args.get("overwrite"))
        made: list[Item] = []
        for given in require_argument(args, "objects"):
            path, kind, meta, data = (*given, None, None, None)[:4]
            made += self.create_items(
                user, path, kind or "unspecified", data, meta, args, overwrite
            )
        self.rng.shuffle(made)
        return [[self.objects.meta_of(item, user) for item in made]]

    def create_items(  # noqa: PLR0913, PLR0917 - one tuple of the wire and its flags
        self, user: str, path: str, kind: str, data: Json, meta: Json, args: Args, overwrite: bool
    ) -> list[Item]:
        owner, name = self.check_writable(path, kind)
        if self.objects.workspace(path) is None:
            if owner != user:
                raise workspace_error("User lacks permission to / for requested action!")
            everybody = str(args.get("permission") or "n")
            return [self.objects.add_workspace(owner, name, everybody).root]
        self.objects.readable(path, user, WRITE)
        if len(split(path)) == 2:  # noqa: PLR2004 - the workspace itself, which is there
            return []
        there = self.objects.find(path)
        if there and kind not in {"folder", "modelfolder"}:
            if there.children is not None:
                raise workspace_error(f"Cannot overwrite directory {path} on save!")
            if not overwrite:
                raise workspace_error(f"Overwriting object {path} and overwrite flag is not set!")
        made = self.objects.put(path, kind, "" if data is None else data, meta)
        if args.get("createUploadNodes"):
            made[-1].shock = f"{self.url}/services/shock_api/node/{made[-1].uuid.lower()}"
        return made

    def check_writable(self, path: str, kind: str) -> tuple[str, str]:
        """Owner and workspace of a path that may be written."""
        parts = split(path)
        if len(parts) < 2:  # noqa: PLR2004 - owner and workspace
            raise workspace_error(f"Path {path} does not include at least a top level directory!")
        if ":" in parts[-1]:
            raise workspace_error(f"Object name {parts[-1]} contains forbidden characters!")
        if kind not in TYPES:
            raise workspace_error("Invalid type submitted!")
        return parts[0], parts[1]

    def delete(self, user: str, args: Args) -> list[Json]:
        items = [self.item(path, user, WRITE) for path in require_argument(args, "objects")]
        for item in items:
            if item.children is not None and not args.get("deleteDirectories"):
                raise workspace_error(
                    f"Cannot delete directory {item.path} without deleteDirectories!"
                )
            if item.children and not args.get("force"):
                raise workspace_error(f"Cannot delete directory {item.path} that is not empty!")
        metas = [self.objects.meta_of(item, user) for item in items]
        for item in items:
            self.objects.remove(item)
            if len(split(item.path)) == 2:  # noqa: PLR2004 - a whole workspace
                self.objects.remove_workspace(item.owner, item.name)
        return [metas]

    def copy(self, user: str, args: Args) -> list[Json]:
        """Copies, or moves with ``move``; folders only with ``recursive``. A copy is another
        object; what is moved keeps its uuid."""
        made: list[Item] = []
        for source, target in require_argument(args, "objects"):
            item = self.item(source, user, WRITE if args.get("move") else READ)
            self.objects.readable(target, user, WRITE)
            if self.objects.find(target) and not args.get("overwrite"):
                raise workspace_error(f"Overwriting object {target} and overwrite flag is not set!")
            if args.get("move") and (item.children is None or args.get("recursive")):
                made.append(self.objects.move(item, target))
                continue
            made += self.objects.put(target, item.kind, item.text, dict(item.meta))
            below = list(item.below()) if args.get("recursive") else []
            for each in below:
                place = target.rstrip("/") + each.path.removeprefix(item.path)
                made += self.objects.put(place, each.kind, each.text, dict(each.meta))
            if args.get("move"):
                self.objects.remove(item)
        return [[self.objects.meta_of(item, user) for item in made]]

    def update_metadata(self, user: str, args: Args) -> list[Json]:
        items = []
        for given in require_argument(args, "objects"):
            path, meta, kind = (*given, None, None)[:3]
            item = self.item(path, user, WRITE)
            item.meta = {**(item.meta if args.get("append") else {}), **(meta or {})}
            item.kind = kind or item.kind
            items.append(item)
        return [[self.objects.meta_of(item, user) for item in items]]

    def list_permissions(self, user: str, args: Args) -> list[Json]:
        answer = {}
        for path in require_argument(args, "objects"):
            workspace = self.objects.readable(path, user)
            given = [[name, word] for name, word in workspace.users.items()]
            answer[path] = [["global_permission", workspace.everybody], *given]
        return [answer]

    def set_permissions(self, user: str, args: Args) -> list[Json]:
        path = str(require_argument(args, "path"))
        workspace = self.objects.readable(path, user, "ao")
        workspace.users |= dict(args.get("permissions") or ())
        workspace.everybody = args.get("new_global_permission") or workspace.everybody
        return [self.list_permissions(user, {"objects": [path]})[0][path]]

    def get_download_url(self, user: str, args: Args) -> list[Json]:
        items = [self.item(path, user) for path in require_argument(args, "objects")]
        return [[f"{self.url}/dl/{item.uuid}/{item.name}" for item in items]]

    def item(self, path: str, user: str, allowed: str = READ) -> Item:
        self.objects.readable(path, user, allowed)
        item = self.objects.find(path)
        if item is None:
            raise workspace_error("Object not found!")
        return item


def as_method(
    method: Callable[[str, Args], list[Json]],
) -> Callable[[Identity | None, list[Json]], list[Json]]:
    """The method as the envelope calls it. Only administrators may use ``adminmode``."""

    def call(who: Identity | None, params: list[Json]) -> list[Json]:
        args = params[0] if params and isinstance(params[0], dict) else {}
        if args.get("adminmode") and not (who and who.admin):
            raise workspace_error("Cannot run functions in admin mode. User is not an admin!")
        return method(who.user if who else "", args)

    return call


def require_argument(args: Args, name: str) -> Json:
    if name not in args:
        raise workspace_error(f"Mandatory arguments {name} missing.")
    return args[name]
