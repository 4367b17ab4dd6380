"""The Workspace's objects: a tree for each top-level workspace, with its permissions.

Source: protocol.md 6.2, 6.3. Paths are ``/<owner>/<workspace>/<folders…>/<name>``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from simulator.appservice.views import ISO_TIME, shown_time
from simulator.http.rpc import RpcError

Json = Any

READ, WRITE = "rwaop", "wao"
# fmt: off
TYPES = frozenset((
    "folder", "modelfolder", "unspecified", "txt", "string", "html", "json", "csv", "tsv",
    "xls", "xlsx", "doc", "docx", "ppt", "pptx", "pdf", "svg", "gif", "png", "jpg",
    "genome_group", "feature_group", "experiment_group", "job_result", "contigs", "reads",
    "genome", "genbank_file", "embl", "gff", "feature_table", "feature_dna_fasta",
    "feature_protein_fasta", "aligned_dna_fasta", "aligned_protein_fasta", "nwk", "phyloxml",
    "vcf", "vcf_gz", "bam", "bai", "wig", "bigwig", "tbi", "bed", "tar_gz", "zip",
    "diffexp_experiment", "diffexp_expression", "diffexp_mapping", "diffexp_sample",
    "diffexp_input_data", "diffexp_input_metadata", "proteomics_experiment",
    "transcriptomics_experiment", "model", "model_edit", "media", "fba", "biochemistry",
    "mapping", "rxnprobs", "graph", "genome_annotation_result", "docking_ligand", "pdb",
))
# fmt: on


def new_uuid() -> str:
    """As random as ``uuid.uuid4``, in a fraction of its time: a job makes fifteen."""
    digits = os.urandom(16).hex().upper()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def workspace_error(text: str) -> RpcError:
    """An error as the Workspace wraps it."""
    return RpcError(f"_ERROR_{text}_ERROR_")


@dataclass(slots=True)
class Item:
    """An object, a folder (it has ``children``), or a whole workspace (a folder without parent)."""

    name: str
    kind: str
    parent: str
    """With a slash at the end; the full path is ``parent + name``."""
    owner: str
    created: float
    data: Json = ""
    """A text, or JSON that was not read yet."""
    meta: dict[str, Json] = field(default_factory=dict)
    children: dict[str, Item] | None = None
    shock: str = ""
    uuid: str = field(default_factory=new_uuid)

    @property
    def text(self) -> str:
        """What is stored. Most results of jobs are never read: they are encoded when they are."""
        if not isinstance(self.data, str):
            self.data = json.dumps(self.data)
        return self.data

    @property
    def path(self) -> str:
        return self.parent + self.name

    def below(self) -> Iterator[Item]:
        """Everything in it, folders before what they hold."""
        for child in (self.children or {}).values():
            yield child
            yield from child.below()


@dataclass(slots=True)
class Workspace:
    """A top-level folder; permissions live here only."""

    root: Item
    everybody: str = "n"
    users: dict[str, str] = field(default_factory=dict)

    def permission(self, user: str) -> str:
        """``o`` own, ``a`` admin, ``w`` write, ``r`` read, ``p`` public, ``n`` none."""
        if user and user == self.root.owner:
            return "o"
        own = self.users.get(user, "n")
        return own if own != "n" else self.everybody


class Objects:
    """Every workspace of every user."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._all: dict[tuple[str, str], Workspace] = {}
        self._by_uuid: dict[str, Item] = {}

    def __iter__(self) -> Iterator[Workspace]:
        return iter(list(self._all.values()))

    def workspace(self, path: str) -> Workspace | None:
        """The workspace a path is in. Everybody has a ``home``."""
        parts = split(path)
        if len(parts) > 1 and parts[1] == "home" and (parts[0], "home") not in self._all:
            self.add_workspace(parts[0], "home")
        return self._all.get((parts[0], parts[1])) if len(parts) > 1 else None

    def add_workspace(self, owner: str, name: str, everybody: str = "n") -> Workspace:
        root = self._item(name, "folder", f"/{owner}/", owner)
        root.children = {}
        self._all[owner, name] = Workspace(root, everybody)
        return self._all[owner, name]

    def remove_workspace(self, owner: str, name: str) -> None:
        self._all.pop((owner, name), None)

    def find(self, path: str) -> Item | None:
        """The item at a path; None where there is none."""
        found = self._by_uuid.get(path.strip("/").upper())
        workspace = self.workspace(path)
        item = workspace.root if workspace else None
        for name in split(path)[2:]:
            item = (item.children or {}).get(name) if item else None
        return item or found

    def readable(self, path: str, user: str, allowed: str = READ) -> Workspace:
        """The workspace of a path, if ``user`` may; raises as the genuine service."""
        item = self._by_uuid.get(path.strip("/").upper())
        workspace = self.workspace(item.path if item else path)
        if workspace is None:
            raise workspace_error("User lacks permission to / for requested action!")
        if workspace.permission(user) not in allowed:
            place = "/".join(split(workspace.root.path))
            raise workspace_error(f"User lacks permission to {place} for requested action!")
        return workspace

    def put(self, path: str, kind: str, data: Json = "", meta: Json = None) -> list[Item]:
        """Writes an object or makes a folder, and the folders above it; what is new, outer first.

        The workspace must exist.
        """
        workspace = self.workspace(path)
        if workspace is None:
            raise workspace_error("Workspace not found!")
        made = []
        folder = workspace.root
        *above, name = split(path)[2:]
        for part in above:
            folder, new = self._inside(folder, part, "folder")
            made += [folder] if new else []
        if kind in {"folder", "modelfolder"}:
            item, new = self._inside(folder, name, kind)
            made += [item] if new else []
        else:
            item = self._new_object(folder, name, kind)
            item.data = data
            made.append(item)
        item.meta |= meta or {}
        return made

    def move(self, item: Item, path: str) -> Item:
        """Puts an object, or a folder with all in it, to another path. It stays the same one, with
        its uuid and its time (WorkspaceImpl: a move changes the path alone).
        """
        *above, name = split(path)[2:]
        workspace = self.workspace(path)
        if workspace is None:
            raise workspace_error("Workspace not found!")
        folder = workspace.root
        for part in above:
            folder, _ = self._inside(folder, part, "folder")
        there = (folder.children or {}).get(name)
        if there is item:
            return item
        if there:
            self.remove(there)
        former = self.find(item.parent)
        if former and former.children is not None:
            former.children.pop(item.name, None)
        before, item.name, item.parent = item.path, name, f"{folder.path}/"
        for each in item.below():
            each.parent = item.path + each.parent.removeprefix(before)
        if folder.children is not None:
            folder.children[name] = item
        return item

    def _new_object(self, folder: Item, name: str, kind: str) -> Item:
        children = folder.children
        if children is None:
            raise workspace_error(f"{folder.path} is no folder!")
        old = children.get(name)
        if old and old.children is not None:
            raise workspace_error(f"Cannot overwrite directory {old.path} on save!")
        if old:
            self._by_uuid.pop(old.uuid, None)
        children[name] = self._item(name, kind, f"{folder.path}/", folder.owner)
        return children[name]

    def _inside(self, folder: Item, name: str, kind: str) -> tuple[Item, bool]:
        """The folder of that name in ``folder``, and whether it is new."""
        children = folder.children
        if children is None:
            raise workspace_error(f"{folder.path} is no folder!")
        if name in children:
            return children[name], False
        children[name] = self._item(name, kind, f"{folder.path}/", folder.owner)
        children[name].children = {}
        return children[name], True

    def _item(self, name: str, kind: str, parent: str, owner: str) -> Item:
        item = Item(name, kind, parent, owner, self._now())
        self._by_uuid[item.uuid] = item
        return item

    def size(self, path: str) -> int | None:
        """The bytes of an object; None where there is none."""
        item = self.find(path)
        return len(item.text.encode()) if item else None

    def remove(self, item: Item) -> None:
        for each in (item, *item.below()):
            self._by_uuid.pop(each.uuid, None)
        folder = self.find(item.parent)
        if folder and folder.children is not None:
            folder.children.pop(item.name, None)

    def meta_of(self, item: Item, user: str) -> list[Json]:
        """The twelve values that describe an item."""
        workspace = self.workspace(item.path)
        top = workspace is not None and workspace.root is item
        return [
            item.name,
            item.kind,
            item.parent,
            shown_time(item.created, ISO_TIME),
            item.uuid,
            item.owner,
            len(item.text.encode()),
            item.meta,
            {} if top else {"is_folder": int(item.children is not None)},
            workspace.permission(user) if workspace else "n",
            workspace.everybody if workspace else "n",
            item.shock,
        ]


def split(path: str) -> list[str]:
    """Owner, workspace and the names below; repeated slashes count once."""
    return [part for part in path.split("/") if part]
