"""HTTP/1.1 over asyncio, as little as load needs: connections that are kept, bodies that are sent slowly, streams of events."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any, AsyncIterator

CHUNK_BYTES = 256 << 10
EVENT_ID = re.compile(rb"^id: ?(\d+)\r?$", re.MULTILINE)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    secs: float

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Heard:
    """What a listener was sent, and when the last of it came (on the clock of `time.perf_counter`)."""

    status: int = 0
    numbers: list[int] = field(default_factory=list)
    last_at: float = 0.0


class Connection:
    """One connection; requests follow one another."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.reader = self.writer = None

    async def request(self, method: str, path: str, headers: dict[str, str] | None = None, *bodies: bytes | memoryview) -> Answer:
        """Sends a request with its body and reads the answer."""
        begun = time.perf_counter()
        length = sum(len(body) for body in bodies)
        await self.send_head(method, path, {"content-length": str(length), **(headers or {})})
        for body in bodies:
            view = memoryview(body)
            for start in range(0, len(view), CHUNK_BYTES):
                self.writer.write(view[start : start + CHUNK_BYTES])
                await self.writer.drain()
        status, answered = await self.read_head()
        length = int(answered.get("content-length", "0"))
        body = b"".join([chunk async for chunk in self.chunks()]) if is_chunked(answered) else await self.reader.readexactly(length)
        if answered.get("connection") == "close":
            await self.close()
        return Answer(status, answered, body, time.perf_counter() - begun)

    async def send_head(self, method: str, path: str, headers: dict[str, str]) -> None:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.api.host, self.api.port)
        lines = {"host": f"{self.api.host}:{self.api.port}", **self.api.auth, **headers}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.writer.write(head.encode() + b"\r\n")
        await self.writer.drain()

    async def read_head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split(" ")[1]), headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """A chunked body (RFC 9112, 7.1)."""
        while length := int(await self.reader.readline(), 16):
            yield (await self.reader.readexactly(length + 2))[:-2]
        await self.reader.readline()


@dataclass
class Api:
    """Where the service is, and who calls."""

    host: str
    port: int
    auth: dict[str, str] = field(default_factory=dict)

    def connection(self) -> Connection:
        return Connection(self)

    async def call(self, method: str, path: str, headers: dict[str, str] | None = None, *bodies: bytes | memoryview) -> Answer:
        """On a connection of its own."""
        async with self.connection() as connection:
            return await connection.request(method, path, headers, *bodies)

    async def call_json(self, method: str, path: str, value: Any, **headers: str) -> Answer:
        named = {name.replace("_", "-"): said for name, said in headers.items()}
        return await self.call(method, path, {"content-type": "application/json", **named}, json.dumps(value).encode())

    async def log_in(self, user: str, password: str) -> Api:
        answer = await self.call_json("POST", "/api/v1/auth/token", {"user": user, "password": password})
        assert answer.status == 200, answer
        return Api(self.host, self.port, {"authorization": f"Bearer {answer.json()['access_token']}"})

    async def listen(self, job: str, is_open: asyncio.Event | None = None) -> Heard:
        """Follows a job to its end; `is_open` is set when the answer's head is here."""
        heard, stream = Heard(), bytearray()
        async with self.connection() as connection:
            await connection.send_head("GET", f"/api/v1/jobs/{job}/events", {})
            heard.status, headers = await connection.read_head()
            if is_open is not None:
                is_open.set()
            if is_chunked(headers):
                async for chunk in connection.chunks():
                    heard.last_at = time.perf_counter()
                    stream += chunk
        heard.numbers = [int(number) for number in EVENT_ID.findall(bytes(stream))]
        return heard


def is_chunked(headers: dict[str, str]) -> bool:
    return headers.get("transfer-encoding") == "chunked"
