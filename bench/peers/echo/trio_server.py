"""A server that sends back what it gets, by Trio: trio_server.py stay|leave. It prints its port."""

import sys

import trio


async def attend(stream):
    try:
        async for data in stream:
            await stream.send_all(data)
            if sys.argv[1] == "leave":
                break
    except trio.BrokenResourceError:
        pass


async def main():
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=511)
        print(listeners[0].socket.getsockname()[1], flush=True)
        nursery.start_soon(trio.serve_listeners, attend, listeners)


trio.run(main)
