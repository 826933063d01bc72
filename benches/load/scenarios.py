"""What is done to the service; each function is a row of the table and answers with its figures."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import time
from typing import Any, Awaitable, Callable

from client import Answer, Api, Connection
from photos import Pieces, marked, photo
from service import Service

Figures = dict[str, Any]
# phones' photos of 5, 8 and 12 megapixels
PHOTO_SIZES = [(2592, 1944, 2 << 20), (3264, 2448, 4 << 20), (4032, 3024, 6 << 20), (4032, 3024, 8 << 20)]
MAX_WAIT_SECS = 600


class Load:
    """A service, who loads it, and with how much."""

    def __init__(self, service: Service, api: Api, scale: Any) -> None:
        self.service, self.api, self.scale = service, api, scale
        shrink = scale.photo_shrink
        self.photos = [
            photo(width // shrink, height // shrink, num_bytes // shrink**2, seed)
            for seed, (width, height, num_bytes) in enumerate(PHOTO_SIZES)
        ]

    def photo(self, mark: str, index: int) -> Pieces:
        """Its bytes are nobody else's, so that the server decodes and keeps it."""
        return marked(self.photos[index % len(self.photos)], f"{mark} {index}")

    async def upload(self, photos: list[Pieces], connection: Connection | None = None) -> Answer:
        head, bodies, end = "multipart/form-data; boundary=scene", [], b"--scene--\r\n"
        for index, pieces in enumerate(photos):
            part = f'--scene\r\ncontent-disposition: form-data; name="file"; filename="{index}.jpg"\r\n\r\n'
            bodies += [part.encode(), *pieces, b"\r\n"]
        call = (connection or self.api.connection()).request
        return await call("POST", "/api/v1/uploads", {"content-type": head}, *bodies, end)

    async def start_job(self, upload: str, **headers: str) -> Answer:
        return await self.api.call_json("POST", "/api/v1/jobs", {"upload_id": upload, "config": self.scale.config}, **headers)


async def one_key(load: Load) -> Figures:
    """Many `POST /jobs` with one Idempotency-Key make one job."""
    upload = (await load.upload([load.photo("key", index) for index in range(2)])).json()["id"]
    asked = await all_at_once(load.scale.same_requests, lambda _: load.start_job(upload, idempotency_key="one"))
    jobs = (await load.api.call("GET", "/api/v1/jobs?limit=200")).json()["jobs"]
    ids = {answer.json()["id"] for answer in asked if answer.status == 202}
    await ended(load, ids.copy().pop())
    return {
        "requests": len(asked), "answers_202": sum(answer.status == 202 for answer in asked), "ids": len(ids), "jobs": len(jobs),
        **latency_ms([answer.secs for answer in asked]),
    }


async def uploads_by_form(load: Load) -> Figures:
    """A photo each, by multipart/form-data; the answer comes when it was decoded and kept."""

    async def send(index: int) -> tuple[float, bool]:
        answer = await load.upload([load.photo("form", index)])
        return answer.secs, answer.status == 201 and len(answer.json()["images"]) == 1

    return await sent(load, "form", send)


async def uploads_by_tus(load: Load) -> Figures:
    """A photo each, announced and sent by tus on one connection; the answer comes when its bytes are on the disk."""
    ids: list[str] = []

    async def send(index: int) -> tuple[float, bool]:
        pieces, begun = load.photo("tus", index), time.perf_counter()
        async with load.api.connection() as connection:
            announce = {"tus-resumable": "1.0.0", "upload-length": str(num_bytes(pieces))}
            announced = await connection.request("POST", "/api/v1/tus", announce)
            if announced.status != 201:
                return time.perf_counter() - begun, False
            path = announced.headers["location"]
            piece = {"tus-resumable": "1.0.0", "upload-offset": "0", "content-type": "application/offset+octet-stream"}
            answer = await connection.request("PATCH", path, piece, *pieces)
            ids.append(path.rsplit("/", 1)[1])
            return time.perf_counter() - begun, answer.status == 204

    begun = time.perf_counter()
    figures = await sent(load, "tus", send)
    not_ready = 0
    for upload in ids:
        not_ready += not await is_ready(load.api, upload)
    until_ready = {"until_all_are_ready_secs": time.perf_counter() - begun, "rss_peak_mib": load.service.peak_mib()}
    return {**figures, "errors": figures["errors"] + not_ready, **until_ready}


async def sent(load: Load, mark: str, send: Callable[[int], Awaitable[tuple[float, bool]]]) -> Figures:
    load.service.forget_peaks()
    before = load.service.resident_mib()
    mib = sum(num_bytes(load.photo(mark, index)) for index in range(load.scale.uploads)) / 2**20
    probe = asyncio.create_task(probed(load.api))
    begun = time.perf_counter()
    results = await all_at_once(load.scale.uploads, send)
    secs = time.perf_counter() - begun
    probe.cancel()
    return {
        "uploads": len(results), "errors": sum(not is_good for _, is_good in results), "mib": mib, "secs": secs, "mib_per_sec": mib / secs,
        **latency_ms([took for took, _ in results]),
        "meanwhile_get_jobs": latency_ms(await probe), "rss_before_mib": before, "rss_peak_mib": load.service.peak_mib(),
    }


async def listeners(load: Load) -> Figures:
    """Many follow one job from before it runs to its end; each must hear every event once, in order."""
    upload = (await load.upload([load.photo("listened", index) for index in range(load.scale.job_photos)])).json()["id"]
    before_it = [(await load.start_job(upload)).json()["id"] for _ in range(load.scale.jobs_before)]
    job = (await load.start_job(upload)).json()["id"]
    load.service.forget_peaks()
    before = load.service.resident_mib()
    opened = [asyncio.Event() for _ in range(load.scale.listeners)]
    tasks = [asyncio.create_task(load.api.listen(job, is_open)) for is_open in opened]
    await asyncio.gather(*(is_open.wait() for is_open in opened))
    listening, state = load.service.resident_mib(), (await load.api.call("GET", f"/api/v1/jobs/{job}")).json()["state"]
    probe = asyncio.create_task(probed(load.api))
    heard = await asyncio.gather(*tasks)
    probe.cancel()
    num_events = (await load.api.listen(job)).numbers[-1]
    ends = [one.last_at for one in heard]
    return {
        "listeners": len(heard), "state_when_all_listened": state, "jobs_before": len(before_it), "events": num_events,
        "wrong": sum(one.numbers != list(range(1, num_events + 1)) for one in heard),
        "first_to_last_end_ms": (max(ends) - min(ends)) * 1000, "meanwhile_get_jobs": latency_ms(await probe),
        "rss_kib_per_listener": (listening - before) * 1024 / len(heard), "rss_before_mib": before,
        "rss_peak_mib": load.service.peak_mib(), "worker_peak_mib": load.service.worker_peak_mib(),
    }


async def slow_clients(load: Load) -> Figures:
    """Listeners that read nothing, uploads of a byte a second, connections that say nothing; others are served meanwhile."""
    upload = (await load.upload([load.photo("slow", index) for index in range(load.scale.job_photos)])).json()["id"]
    load.service.forget_peaks()
    before, files_before = load.service.resident_mib(), load.service.num_files()
    job = (await load.start_job(upload)).json()["id"]
    deaf = [await deaf_listener(load.api, job) for _ in range(load.scale.deaf_listeners)]
    trickles = [asyncio.create_task(trickled(load.api)) for _ in range(load.scale.trickles)]
    silent = [asyncio.create_task(closed_after(load.api)) for _ in range(load.scale.trickles)]
    probe = asyncio.create_task(probed(load.api))
    good = await load.upload([load.photo("meanwhile", 0)])
    cut_after, silent_for = await asyncio.gather(*trickles), await asyncio.gather(*silent)
    await ended(load, job)
    probe.cancel()
    files = load.service.num_files() - files_before
    for connection in deaf:
        connection.close()
    return {
        "deaf_listeners": len(deaf), "trickles": len(trickles), "answered_408": sum(status == 408 for status, _ in cut_after),
        "trickles_cut_after_secs": max(secs for _, secs in cut_after), "silent_closed_after_secs": max(silent_for),
        "meanwhile_get_jobs": latency_ms(await probe), "meanwhile_upload_ms": good.secs * 1000, "upload_status": good.status,
        "files_still_held": files, "rss_before_mib": before, "rss_peak_mib": load.service.peak_mib(),
    }


def num_bytes(pieces: Pieces) -> int:
    return sum(len(piece) for piece in pieces)


async def requests_per_sec(load: Load, path: str) -> Figures:
    """One request after another on kept connections; client and server share the machine."""
    until, latencies = time.perf_counter() + load.scale.rate_secs, []

    async def ask() -> None:
        async with load.api.connection() as connection:
            while time.perf_counter() < until:
                answer = await connection.request("GET", path)
                assert answer.status == 200, answer
                latencies.append(answer.secs)

    begun = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(load.scale.rate_connections)))
    per_sec = len(latencies) / (time.perf_counter() - begun)
    return {"path": path, "connections": load.scale.rate_connections, "per_sec": per_sec, **latency_ms(latencies)}


async def probed(api: Api) -> list[float]:
    """How long `GET /jobs` takes, ten times a second, until it is cancelled."""
    latencies: list[float] = []
    try:
        async with api.connection() as connection:
            while True:
                latencies.append((await connection.request("GET", "/api/v1/jobs?limit=20")).secs)
                await asyncio.sleep(0.1)
    except asyncio.CancelledError:
        return latencies


async def deaf_listener(api: Api, job: str) -> socket.socket:
    """Asks for events and never reads; little room in between makes the server notice soon."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    deaf.connect((api.host, api.port))
    deaf.sendall(f"GET /api/v1/jobs/{job}/events HTTP/1.1\r\nhost: x\r\nauthorization: {api.auth['authorization']}\r\n\r\n".encode())
    return deaf


async def trickled(api: Api) -> tuple[int, float]:
    """Sends a form a byte a second; the status of the answer, and after how many seconds it came."""
    begun = time.perf_counter()
    async with api.connection() as connection:
        length = {"content-type": "multipart/form-data; boundary=scene", "content-length": "1000000"}
        await connection.send_head("POST", "/api/v1/uploads", length)
        connection.writer.write(b'--scene\r\ncontent-disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n')
        answer = asyncio.create_task(connection.read_head())
        while not answer.done() and time.perf_counter() - begun < MAX_WAIT_SECS:
            connection.writer.write(b"x")
            await asyncio.wait([answer], timeout=1)
        answer.cancel()
        (result,) = await asyncio.gather(answer, return_exceptions=True)
        return (result[0] if isinstance(result, tuple) else 0), time.perf_counter() - begun


async def closed_after(api: Api) -> float:
    begun = time.perf_counter()
    reader, writer = await asyncio.open_connection(api.host, api.port)
    try:
        await asyncio.wait_for(reader.read(), MAX_WAIT_SECS)
    except (asyncio.TimeoutError, ConnectionError):
        pass
    writer.close()
    return time.perf_counter() - begun


async def ended(load: Load, job: str) -> None:
    await asyncio.wait_for(load.api.listen(job), MAX_WAIT_SECS)
    state = (await load.api.call("GET", f"/api/v1/jobs/{job}")).json()
    assert state["state"] == "succeeded", state


async def is_ready(api: Api, upload: str) -> bool:
    until = time.perf_counter() + MAX_WAIT_SECS
    while time.perf_counter() < until:
        state = (await api.call("GET", f"/api/v1/uploads/{upload}")).json()["state"]
        if state not in ("receiving", "checking"):
            return state == "ready"
        await asyncio.sleep(0.2)
    return False


async def all_at_once(count: int, begin: Callable[[int], Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*(begin(index) for index in range(count)))


def latency_ms(secs: list[float]) -> Figures:
    """By nearest rank."""
    ordered = sorted(secs)
    at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else 0.0
    return {"p50_ms": statistics.median(ordered) * 1000 if ordered else 0.0, "p95_ms": at(0.95), "p99_ms": at(0.99)}


def machine() -> str:
    with open("/proc/cpuinfo") as cpuinfo:
        names = [line.split(": ", 1)[1].strip() for line in cpuinfo if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {names[0] if names else 'an unknown processor'}, load and server together"
