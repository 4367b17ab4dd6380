"""The Workspace's quirks, one by one: missing objects, silent failures, other users' objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from tests.bvbrc import tokens
from tests.bvbrc.answers import JSON, Service, raising
from tests.bvbrc.loopback import Received, answering, reply, serving
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Wire
from workflows.bvbrc.workspace import Item, Workspace, group_path
from workflows.model.errors import NotFound, Rejected, ServiceAway, Unauthorized

TOKEN = tokens.sign(tokens.claims())
HOME = "/alice@bvbrc/home"
SECONDS = timedelta(seconds=30)
LOST = "_ERROR_Object not found!_ERROR_"


def meta(path: str, kind: str = "json", shock: str = "", size: int = 52) -> list[Any]:
    """An ObjectMeta as recorded in production (protocol 6.4)."""
    folder, _, name = path.rpartition("/")
    uuid = "D8531444-431D-11F1-A670-6F514F0E7298"
    return [
        *(name, kind, f"{folder}/", "2026-04-28T16:18:08Z", uuid, "alice@bvbrc", size),
        *({}, {"is_folder": 0}, "o", "n", shock),
    ]


@contextmanager
def workspace(**methods: Callable[..., list[Any]]) -> Iterator[tuple[Workspace, Service]]:
    answers = Service(methods)
    with serving(answering(answers)) as server:
        yield Workspace(Rpc(Wire()), server.url, timeout=SECONDS), answers


def stored(content: Any, path: str = f"{HOME}/x") -> Callable[..., list[Any]]:
    return lambda _: [[[meta(path), content]]]


def refusing(text: str) -> Callable[..., list[Any]]:
    return raising(Rejected(text))


def test_an_item_is_described_by_its_place_in_the_answer() -> None:
    with workspace(get=lambda _: [[[meta(f"{HOME}/out/asm 1", "contigs")]]]) as (client, answers):
        item = client.item(TOKEN, f"{HOME}/out/asm 1")
    assert item == Item(
        path=f"{HOME}/out/asm 1",
        type="contigs",
        created_at=datetime(2026, 4, 28, 16, 18, 8, tzinfo=UTC),
        owner="alice@bvbrc",
        size_bytes=52,
        uuid=item.uuid,
        shock_url="",
    )
    assert (item.name, item.is_folder) == ("asm 1", False)
    assert item.uuid == meta("/x")[4]
    assert answers.params("get") == [[{"objects": [f"{HOME}/out/asm 1"], "metadata_only": 1}]]


def test_several_objects_and_trees_are_asked_for_in_one_call() -> None:
    paths = [f"{HOME}/a", f"{HOME}/b"]

    def ls(argument: Any) -> list[Any]:
        assert argument == {"paths": [f"{HOME}/run/.a/", f"{HOME}/gone/"], "recursive": True}
        return [{f"{HOME}/run/.a/": [meta(f"{HOME}/run/.a/d/x")]}]

    with workspace(get=lambda _: [[[meta(path)] for path in paths]], ls=ls) as (client, answers):
        items = client.items(TOKEN, paths)
        trees = client.trees(TOKEN, [f"{HOME}/run/.a", f"{HOME}/gone"])

    assert [item.path for item in items] == paths
    assert answers.params("get") == [[{"objects": paths, "metadata_only": 1}]]
    assert {path: [item.path for item in found] for path, found in trees.items()} == {
        f"{HOME}/run/.a": [f"{HOME}/run/.a/d/x"],
        f"{HOME}/gone": [],
    }


@pytest.mark.parametrize(
    "text",
    [
        "_ERROR_Object not found!_ERROR_",
        "_ERROR_Workspace not found!_ERROR_",
        "_ERROR_User lacks permission to / for requested action!_ERROR_",
    ],
)
def test_what_is_not_there_is_not_found(text: str) -> None:
    with workspace(get=refusing(text), ls=refusing(text)) as (client, _):
        for ask in (client.item, client.read, client.job_result, client.group):
            with pytest.raises(NotFound):
                ask(TOKEN, HOME)
        assert client.ls(TOKEN, HOME) == ()


def test_what_may_not_be_seen_is_refused_and_not_taken_for_absent() -> None:
    text = "_ERROR_User lacks permission to bob@bvbrc/home for requested action!_ERROR_"
    with workspace(get=refusing(text), ls=refusing(text)) as (client, _):
        for ask in (client.item, client.ls):
            with pytest.raises(Rejected, match=r"^User lacks permission to bob@bvbrc/home"):
                ask(TOKEN, "/bob@bvbrc/home")


@pytest.mark.parametrize("token", [tokens.sign(tokens.claims(expiry=1)), "garbage"])
def test_a_dead_token_never_goes_out_as_nobodys(token: str) -> None:
    with workspace(get=stored("{}")) as (client, answers):
        for ask in (client.item, client.read, client.ls, client.create_folder):
            with pytest.raises(Unauthorized):
                ask(token, HOME)
    assert answers.calls == []


def test_a_folder_is_listed_with_all_that_is_in_it() -> None:
    inside = [meta(f"{HOME}/out/asm", "job_result"), meta(f"{HOME}/out/.asm", "folder")]
    with workspace(ls=lambda asked: [{asked["paths"][0]: inside}]) as (client, answers):
        listed = client.ls(TOKEN, f"{HOME}/out")
    assert [(item.name, item.is_folder) for item in listed] == [("asm", False), (".asm", True)]
    assert answers.params("ls")[0][0]["paths"] == [f"{HOME}/out/"]


def test_a_folder_that_does_not_exist_is_an_answer_without_it() -> None:
    with workspace(ls=lambda _: [{}]) as (client, _):
        assert client.ls(TOKEN, f"{HOME}/nowhere") == ()


@pytest.mark.parametrize("content", ['{"success": 1}', {"success": 1}])
def test_the_result_of_a_job_is_read_as_text_or_as_json(content: Any) -> None:
    with workspace(get=stored(content)) as (client, _):
        assert client.job_result(TOKEN, f"{HOME}/out/asm") == {"success": 1}


@pytest.mark.parametrize("content", ["", "no json", "[]", "5", None, "[" * 100_000])
def test_what_is_no_result_of_a_job_is_refused(content: Any) -> None:
    with workspace(get=stored(content)) as (client, _), pytest.raises(Rejected):
        client.job_result(TOKEN, f"{HOME}/out/asm")


def shock(answer: bytes) -> tuple[Callable[[Received], bytes], list[Received]]:
    """Answers `get` with a node on the same host, and what is asked of that node."""
    seen: list[Received] = []

    def script(request: Received) -> bytes:
        if request.method == "GET":
            seen.append(request)
            return answer
        node = f"http://{request.headers['host']}/services/shock_api/node/1"
        described = [[[meta(f"{HOME}/x", shock=node), node]]]
        envelope = {"jsonrpc": "2.0", "id": request.json()["id"], "result": described}
        return reply(200, json.dumps(envelope))

    return script, seen


def test_content_in_shock_is_fetched_with_the_token_and_its_kind() -> None:
    script, seen = shock(reply(200, '{"success": 1}'))
    with serving(answering(script)) as server:
        client = Workspace(Rpc(Wire()), server.url, timeout=SECONDS)
        assert client.job_result(TOKEN, f"{HOME}/x") == {"success": 1}
    assert seen[0].path == "/services/shock_api/node/1?download"
    assert seen[0].headers["authorization"] == f"OAuth {TOKEN}"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(reply(500, ""), ServiceAway), (reply(200, b" " * (16 * 2**20 + 1)), Rejected)],
)
def test_content_in_shock_that_cannot_be_had_is_an_error(
    answer: bytes, kind: type[Exception]
) -> None:
    script, _ = shock(answer)
    with serving(answering(script)) as server, pytest.raises(kind):
        Workspace(Rpc(Wire()), server.url, timeout=SECONDS).read(TOKEN, f"{HOME}/x")


def test_the_token_is_not_taken_to_another_host() -> None:
    seen: list[Received] = []

    def elsewhere(request: Received) -> bytes:
        seen.append(request)
        return reply(200, "{}")

    with serving(answering(elsewhere)) as other:
        described = [[[meta(f"{HOME}/x", shock=f"{other.url}/node/1"), ""]]]
        with workspace(get=lambda _: described) as (client, _), pytest.raises(Rejected):
            client.read(TOKEN, f"{HOME}/x")
    assert not seen


def test_a_new_folder_is_made_and_found_in_whatever_order_it_is_answered() -> None:
    made = [meta(f"{HOME}/a/b", "folder"), meta(f"{HOME}/a", "folder")]
    with workspace(create=lambda _: [made]) as (client, answers):
        client.create_folder(TOKEN, f"{HOME}//a/b/")
    [[asked]] = answers.params("create")
    assert asked["objects"] == [[f"{HOME}/a/b", "folder", {}, None]]
    assert asked["overwrite"] == 0


def test_a_folder_that_exists_is_no_error() -> None:
    folder = [[[meta(f"{HOME}/a", "folder")]]]
    with workspace(create=lambda _: [[]], get=lambda _: folder) as (client, answers):
        client.create_folder(TOKEN, f"{HOME}/a")
    assert len(answers.params("create")) == 1


def test_an_object_that_was_dropped_without_a_word_is_stored_again() -> None:
    answers_in_turn = iter([[meta("/alice@bvbrc/new", "folder")], [meta("/alice@bvbrc/new/x")]])
    with workspace(create=lambda _: [next(answers_in_turn)]) as (client, answers):
        client.save(TOKEN, "/alice@bvbrc/new/x", "json", {"a": 1})
    assert len(answers.params("create")) == 2


@pytest.mark.parametrize("get", [refusing(LOST), stored("{}")])
def test_what_is_never_stored_is_refused_in_the_end(get: Callable[..., list[Any]]) -> None:
    with workspace(create=lambda _: [[]], get=get) as (client, _):
        for kind in ("folder", "json"):
            with pytest.raises(Rejected, match="did not store"):
                client.save(TOKEN, f"{HOME}/x", kind, None)


IDS = ["83332.12", "511145.12"]
GROUP = f"{HOME}/Genome Groups/My group"
IS_TAKEN = f"_ERROR_Overwriting object {GROUP} and overwrite flag is not set!_ERROR_"


def test_a_group_is_stored_in_the_shape_that_the_website_reads() -> None:
    with workspace(create=lambda _: [[meta(GROUP, "genome_group")]]) as (client, answers):
        client.save_group(TOKEN, GROUP, "genome_group", IDS)
    [[asked]] = answers.params("create")
    content = {"id_list": {"genome_id": IDS}, "name": "My group"}
    assert asked["objects"] == [[GROUP, "genome_group", {}, content]]
    assert asked["overwrite"] == 0


def test_a_group_that_is_there_already_is_not_stored_twice() -> None:
    content = json.dumps({"id_list": {"genome_id": IDS[::-1]}})
    with workspace(create=refusing(IS_TAKEN), get=stored(content)) as (client, _):
        client.save_group(TOKEN, GROUP, "genome_group", IDS)
        assert client.group(TOKEN, GROUP) == tuple(IDS[::-1])


@pytest.mark.parametrize(
    "content", ['{"id_list": {"genome_id": ["1.1"]}}', '{"id_list": []}', "{}", "text"]
)
def test_anything_else_by_that_name_is_left_as_it_is(content: str) -> None:
    with (
        workspace(create=refusing(IS_TAKEN), get=stored(content)) as (client, answers),
        pytest.raises(Rejected),
    ):
        client.save_group(TOKEN, GROUP, "genome_group", IDS)
    assert len(answers.params("create")) == 1


def test_a_group_is_where_the_website_looks_for_it() -> None:
    assert group_path("alice@bvbrc", "genome_group", "My group") == GROUP
    assert group_path("a@b", "feature_group", "x") == "/a@b/home/Feature Groups/x"


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", "../x"])
def test_a_name_that_the_workspace_forbids_is_refused(name: str) -> None:
    with pytest.raises(Rejected):
        group_path("alice@bvbrc", "genome_group", name)


def test_whatever_the_workspace_answers_is_a_value_or_an_error_of_ours() -> None:
    result: Any = None
    methods = dict.fromkeys(("get", "ls", "create"), lambda _: result)
    with workspace(**methods) as (client, _):

        @settings(max_examples=100, deadline=None)
        @given(JSON)
        def law(drawn: Any) -> None:
            nonlocal result
            result = drawn
            for ask in (client.item, client.read, client.ls, client.group, client.create_folder):
                with suppress(ServiceAway, Rejected):
                    ask(TOKEN, HOME)

        law()
