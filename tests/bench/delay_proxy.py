"""A network with delays: passes TCP on, each piece after a random time. ``PORT SECONDS``."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys


async def main(target_port: int, most_seconds: float) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_target = await asyncio.open_connection("127.0.0.1", target_port)
        await asyncio.gather(_pass_on(reader, to_target[1]), _pass_on(to_target[0], writer))

    async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await asyncio.sleep(random.uniform(0, most_seconds))
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
