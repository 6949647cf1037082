"""Who may see the page of a review, as its gate decides: no viewer is needed for that."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionViewer.sessions import one_of

aiohttp = pytest.importorskip("aiohttp", reason="needs aiohttp, which trame serves with")
TOKEN = "a-token-of-24-characters"


def served(visit: Callable[[Any, Any, list[str]], Awaitable[None]]) -> None:
    """Serve a page behind a gate, and visit it with two browsers; what the gate calls is listed."""
    from aiohttp import CookieJar, web
    from aiohttp.test_utils import TestClient, TestServer

    from LandmarkDetectionViewer.gate import SOCKET, Gate

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="the review")

    async def connect(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    async def both() -> None:
        left: list[str] = []
        application = web.Application()
        Gate(TOKEN, False, lambda: left.append("left")).guard(application)
        application.router.add_get("/index.html", page)
        application.router.add_get("/", page)
        application.router.add_get(SOCKET, connect)
        server = TestServer(application)
        first = TestClient(server, cookie_jar=CookieJar(unsafe=True))
        second = TestClient(server, cookie_jar=CookieJar(unsafe=True))
        async with first, second:
            await visit(first, second, left)

    asyncio.run(both())


async def connection(client: Any) -> Any:
    return await client.ws_connect("/ws", headers={"Origin": str(client.make_url("/")).rstrip("/")})


async def text_of(client: Any, path: str) -> str:
    answer = await client.get(path)
    return str(await answer.text())


def test_nothing_is_served_without_the_token() -> None:
    async def visit(first: Any, _second: Any, _left: list[str]) -> None:
        for path in ("/", "/index.html", "/ws", "/alive", "/?token=guessed"):
            answer = await first.get(path)
            assert answer.status == 401, path
        assert "the review" in await text_of(first, f"/?token={TOKEN}")

    served(visit)


def test_who_takes_over_keeps_the_page_though_the_other_one_comes_back_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("LandmarkDetectionViewer.gate.LEAVING_SECONDS", 0.1)

    async def visit(first: Any, second: Any, left: list[str]) -> None:
        await first.get(f"/?token={TOKEN}")
        socket = await connection(first)
        assert "Somebody has this review open" in await text_of(second, f"/?token={TOKEN}")
        assert "the review" in await text_of(second, "/?take=over")
        await socket.receive()  # it is closed
        assert left == ["left"], "what was done is saved when the first one is sent away"
        # Its page loads again before the other one is connected.
        assert "Somebody has this review open" in await text_of(first, "/")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await connection(first)
        taken = await connection(second)
        assert (await (await second.get("/alive")).json())["connected"]
        await taken.close()
        # The second one has left: the first may come back.
        assert "the review" in await text_of(first, "/")

    served(visit)


def test_a_page_of_another_address_cannot_connect() -> None:
    async def visit(first: Any, _second: Any, _left: list[str]) -> None:
        await first.get(f"/?token={TOKEN}")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await first.ws_connect("/ws", headers={"Origin": "https://elsewhere.example"})
        assert refused.value.status == 403

    served(visit)


def test_so_many_reviews_are_open_and_no_more(tmp_path: Path) -> None:
    with one_of(2, tmp_path / "places"):
        with one_of(2, tmp_path / "places"):
            with pytest.raises(InputError, match="2 reviews are open on this computer already"):
                with one_of(2, tmp_path / "places"):
                    pass
        with one_of(2, tmp_path / "places"):
            pass
