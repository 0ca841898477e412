"""What people do with WebSockets. Each check gets the address of the views of one colour."""

import asyncio

import aiohttp
from websockets.sync.client import connect

from checks import same

MESSAGES = ["", "käse", "x" * 100_000, b"", bytes(range(256)), b"y" * 70_000]


def address(base):
    return base.replace("http://", "ws://") + "/socket"


def websockets_talks(base):
    with connect(address(base), open_timeout=20, close_timeout=20) as socket:
        for message in MESSAGES:
            socket.send(message)
            same(socket.recv(timeout=20), message)
        socket.send(iter(["in ", "three ", "fragments"]))
        same(socket.recv(timeout=20), "in three fragments")
        if not socket.ping().wait(20):
            raise AssertionError("a ping has no pong")
    same(socket.close_code, 1000)


def websockets_talks_without_compression(base):
    with connect(address(base), open_timeout=20, compression=None) as socket:
        socket.send("plain")
        same(socket.recv(timeout=20), "plain")


def aiohttp_talks(base):
    asyncio.run(talk(base))


async def talk(base):
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(address(base), compress=15) as socket:
            for message in MESSAGES:
                await (socket.send_str if isinstance(message, str) else socket.send_bytes)(message)
                same((await socket.receive(20)).data, message)
            await socket.close(code=4000)
            same(socket.close_code, 4000)


ALL = [websockets_talks, websockets_talks_without_compression, aiohttp_talks]
