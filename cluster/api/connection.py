"""The connection to an API server: kr8s' own, which can be closed. Loading this module loads kr8s."""

from __future__ import annotations

from kr8s.asyncio import Api


class Connection(Api):
    """A connection of kr8s that does not request the server's version first, and that can be closed."""

    async def close(self) -> None:
        """Close the connections to the server; without this, Python warns of open sockets at the end."""
        if self._session is not None:
            await self._session.aclose()
