"""Keeps web pages of other sites away from a node that `midflight run` serves.

A browser lets any page send a plain POST to any address, a loopback one too, and tells in `Origin` where the page
is from. A node asks nobody who they are, so what a page of another site sends is refused. A node that is mounted
in an application of its own leaves this to that application.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


def own_site(application: ASGIApp) -> ASGIApp:
    """The same application, which answers 403 to what a page of another site sends."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None or urlsplit(origin).netloc == headers.get("host"):
            await application(scope, receive, send)
            return
        message = (
            "A page of another site may not ask this node. Ask it from a program, or mount it in your own."
        )
        body = json.dumps({"error": "CrossSite", "message": message})
        await Response(body, 403, media_type="application/json")(scope, receive, send)

    return guarded
