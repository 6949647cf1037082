"""Who may see the page: whoever has the token, one browser at a time.

The token is given once, in the first address, and becomes a cookie that scripts cannot read; from then on no
address holds it. Nothing is served without, neither files nor the connection that images come by.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from html import escape
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

COOKIE = "landmark_review"
SOCKET = "/ws"
FRONT = "/index.html"
ALIVE = "/alive"
LEAVING_SECONDS = 2.0
"""A browser that loads the page again closes its connection a moment later than it asks for the page."""
TAKING_SECONDS = 20.0
"""Whoever takes over has so long to load the page; the browser that was sent away comes back meanwhile."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' ws: wss:; worker-src 'self' blob:; "
        "frame-ancestors 'none'; base-uri 'self'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

NO_TOKEN = (
    "This page needs its token: open the whole address that 'landmark-detection review' has printed. After "
    "the server was started again it is another one."
)
OCCUPIED = "Somebody has this review open in another browser."

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Gate:
    """Lets requests pass, or not.

    Parameters
    ----------
    token
        Whoever has it may enter.
    isSecure
        Whether the connection is encrypted; the cookie is then for encrypted ones only.
    onLeft
        Called when the last connection has ended.
    front
        What a browser loads first; what the application serves if empty.

    Attributes
    ----------
    connections
        How many there are.
    """

    def __init__(
        self, token: str, isSecure: bool, onLeft: Callable[[], object] = lambda: None, front: str = ""
    ) -> None:
        self._token, self._isSecure, self._onLeft, self._front = token, isSecure, onLeft, front
        self._browsers: set[str] = set()
        self._heir, self._until = "", 0.0
        self._tasks: dict[asyncio.Task[Any], str] = {}

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._tasks)

    def guard(self, application: web.Application) -> None:
        """Stand before everything that an application serves."""
        application.middlewares.append(self._middleware())
        application.router.add_get(ALIVE, self._alive)

    def _middleware(self) -> Any:
        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            response = await self._pass(request, handler)
            if not response.prepared:
                response.headers.update(HEADERS)
            return response

        return middleware

    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/" and "token" in request.query:
            return self._enter(request)
        browser = request.cookies.get(COOKIE, "")
        if browser not in self._browsers:
            return _page(NO_TOKEN, 401)
        if request.path in ("/", FRONT):
            if "take" in request.query:
                self._heir, self._until = browser, time.monotonic() + TAKING_SECONDS
                self._sendAway(browser)
                return _elsewhere(FRONT)
            if await self._isOccupied(browser):
                return _page(OCCUPIED, 409, "/?take=over", "Go on here; the other page is closed.")
            if self._front and request.path == FRONT:
                return web.Response(text=self._front, content_type="text/html")
        if request.path == SOCKET:
            return await self._connect(request, handler, browser)
        return await handler(request)

    def _enter(self, request: web.Request) -> web.StreamResponse:
        if not hmac.compare_digest(request.query["token"].encode(), self._token.encode()):
            return _page(NO_TOKEN, 401)
        browser = request.cookies.get(COOKIE, "")
        if browser not in self._browsers:
            browser = secrets.token_urlsafe(24)
            self._browsers.add(browser)
        response = _elsewhere("/")
        response.set_cookie(
            COOKIE, browser, httponly=True, samesite="Strict", secure=self._isSecure, path="/", max_age=43_200
        )
        return response

    async def _isOccupied(self, browser: str) -> bool:
        for _ in range(20):
            isTaken = self._heir not in ("", browser) and time.monotonic() < self._until
            if not isTaken and not any(one != browser for one in self._tasks.values()):
                return False
            await asyncio.sleep(LEAVING_SECONDS / 20)
        return True

    async def _connect(self, request: web.Request, handler: Handler, browser: str) -> web.StreamResponse:
        origin = request.headers.get("Origin", "")
        if urlsplit(origin).netloc != request.host:
            return _page("A page of another address cannot connect.", 403)
        if await self._isOccupied(browser):
            return _page(OCCUPIED, 409)
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = browser
        self._heir = ""
        try:
            return await handler(request)
        finally:
            self._tasks.pop(task, None)
            if not self._tasks:
                self._onLeft()

    def _sendAway(self, browser: str) -> None:
        for task, other in list(self._tasks.items()):
            if other != browser:
                task.cancel()

    async def _alive(self, request: web.Request) -> web.Response:
        browser = request.cookies.get(COOKIE, "")
        return web.json_response({"connected": browser in self._tasks.values()})


def _elsewhere(path: str) -> web.Response:
    return web.Response(status=302, headers={"Location": path})


def _page(sentence: str, status: int, link: str = "", words: str = "") -> web.Response:
    more = f'<p><a href="{escape(link)}">{escape(words)}</a></p>' if link else ""
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Landmark review</title>'
        '<body style="font:18px/1.5 system-ui,sans-serif;max-width:36em;margin:18vh auto;padding:0 1em">'
        f"<p>{escape(sentence)}</p>{more}</body></html>"
    )
    return web.Response(text=text, status=status, content_type="text/html")
