"""A TCP relay that hands on everything so much later: latency where the kernel has no netem."""

from __future__ import annotations

import asyncio
import contextlib


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Each piece at its time, not after the one before."""
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def read() -> None:
        while piece := await reader.read(65536):
            await pieces.put((loop.time() + delay, piece))
        await pieces.put((loop.time() + delay, b""))

    reading = asyncio.create_task(read())
    try:
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(due - loop.time())
            if not piece:
                break
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    finally:
        reading.cancel()
        writer.close()


async def relay(host: str, port: int, to_port: int, delay: float) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # As long as a connection takes where the way is long.
        await asyncio.sleep(2 * delay)
        there, back = await asyncio.open_connection("127.0.0.1", to_port)
        # Cancelled with the relay, which nobody need hear of.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(
                _pass_on(reader, back, delay), _pass_on(there, writer, delay), return_exceptions=True
            )

    server = await asyncio.start_server(serve, host, port)
    await server.serve_forever()
