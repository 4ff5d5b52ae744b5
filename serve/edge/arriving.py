"""A request as it arrives: its body comes in time or is refused, and it is known whether its client has left.

Litestar waits for a body as long as it takes, and answers 500 where the client leaves in the middle of it: nobody would
see that but the metrics, which would blame us.
"""

import asyncio

from litestar.exceptions import HTTPException
from litestar.types import HTTPReceiveMessage, Receive

BODY_WITHIN_S = 10.0
"""A body comes with its headers, or a moment later; who takes longer holds a connection for nothing."""


class Arriving:
    """Reads the messages of one request in place of the server's `receive`."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._until = asyncio.get_running_loop().time() + BODY_WITHIN_S
        self._whole = False
        self.cut = False
        """Whether the client has left before its request was there."""

    async def __call__(self) -> HTTPReceiveMessage:
        """The next message: parts of the body, then that the client has left.

        Raises:
            HTTPException: 408, the body did not come in time.
        """
        if self._whole:
            return await self._receive()  # type: ignore[return-value]
        try:
            async with asyncio.timeout_at(self._until):
                message: HTTPReceiveMessage = await self._receive()  # type: ignore[assignment]
        except TimeoutError as error:
            raise HTTPException("The body did not come", status_code=408) from error
        if message["type"] == "http.request":
            self._whole = not message.get("more_body", False)
        else:
            self.cut = self._whole = True
        return message
