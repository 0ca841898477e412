"""Clients, each as a class with one way to send a request."""

import asyncio
import http.client
import json
import subprocess
import tempfile
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import httpx
import requests

DEADLINE = 20


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes


def answer(status, headers, body):
    return Answer(status, {name.lower(): value for name, value in headers.items()}, body)


class Requests:
    follows_redirects = True

    def __enter__(self):
        self.session = requests.Session()
        return self

    def __exit__(self, *_):
        self.session.close()

    def send(self, method, url, **parts):
        response = self.session.request(method, url, timeout=DEADLINE, **arguments(parts))
        return answer(response.status_code, response.headers, response.content)

    def leave(self, url):
        with self.session.get(url, stream=True, timeout=DEADLINE) as response:
            next(response.iter_content(100_000))


class Httpx:
    follows_redirects = True
    versions = {"http1": True, "http2": False}

    def __enter__(self):
        self.client = httpx.Client(timeout=DEADLINE, follow_redirects=True, **self.versions)
        return self

    def __exit__(self, *_):
        self.client.close()

    def send(self, method, url, **parts):
        parts = arguments(parts)
        if not isinstance(parts.get("data"), (dict, type(None))):
            parts["content"] = parts.pop("data")
        response = self.client.request(method, url, **parts)
        return answer(response.status_code, response.headers, response.content)

    def leave(self, url):
        with self.client.stream("GET", url) as response:
            next(response.iter_bytes(100_000))


class HttpxOverHttp2(Httpx):
    versions = {"http1": False, "http2": True}

    def leave(self, url):
        # It resets no stream, so it leaves with its connection.
        with type(self)() as another:
            Httpx.leave(another, url)


class Aiohttp:
    follows_redirects = True

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.session = self.loop.run_until_complete(self.opened())
        return self

    def __exit__(self, *_):
        self.loop.run_until_complete(self.session.close())
        self.loop.close()

    def send(self, method, url, **parts):
        return self.loop.run_until_complete(self.sent(method, url, parts))

    def leave(self, url):
        self.loop.run_until_complete(self.left(url))

    async def opened(self):
        timeout = aiohttp.ClientTimeout(total=DEADLINE)
        return aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def sent(self, method, url, parts):
        parts = arguments(parts)
        if "files" in parts:
            form = aiohttp.FormData(parts.pop("data", {}), quote_fields=False)
            for name, (filename, content) in parts.pop("files").items():
                form.add_field(name, content, filename=filename)
            parts["data"] = form
        elif hasattr(parts.get("data"), "__next__"):
            parts["data"] = in_turn(parts["data"])
        async with self.session.request(method, url, **parts) as response:
            return answer(response.status, response.headers, await response.read())

    async def left(self, url):
        response = await self.session.get(url)
        await response.content.readexactly(100_000)
        response.close()


async def in_turn(chunks):
    for chunk in chunks:
        yield chunk


class Curl:
    version = "--http1.1"
    follows_redirects = True

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def send(self, method, url, **parts):
        folder = Path(self.folder.name)
        cookies = str(folder / "cookies")
        command = ["curl", "--silent", "--show-error", self.version, "--max-time", str(DEADLINE), "--location"]
        command += ["--cookie", cookies, "--cookie-jar", cookies, "--dump-header", str(folder / "head"), "--output", str(folder / "body")]
        command += {"HEAD": ["--head"], "GET": [], "POST": []}.get(method, ["--request", method])
        for name, value in (parts.get("headers") or {}).items():
            command += ["--header", f"{name}: {value}"]
        command += self.body(folder, parts)
        (folder / "body").write_bytes(b"")
        ran = subprocess.run([*command, with_query(url, parts)], capture_output=True)
        if ran.returncode != 0:
            raise RuntimeError(ran.stderr.decode().strip())
        # The last head is the one of the answer; before it are those of redirects and 100.
        head = (folder / "head").read_bytes().decode("latin-1").strip().split("\r\n\r\n")[-1].split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
        return answer(int(head[0].split()[1]), headers, b"" if method == "HEAD" else (folder / "body").read_bytes())

    def body(self, folder, parts):
        if "files" in parts:
            fields = [part for item in parts.get("data", {}).items() for part in ("--form-string", "=".join(item))]
            for name, (filename, content) in parts["files"].items():
                (folder / "upload").write_bytes(content)
                fields += ["--form", f'{name}=@{folder / "upload"};filename="{filename}"']
            return fields
        if "json" in parts:
            return ["--json", json.dumps(parts["json"])]
        data = parts.get("data")
        if isinstance(data, dict):
            return [part for item in data.items() for part in ("--data-urlencode", "=".join(item))]
        if data is None:
            return []
        chunked = hasattr(data, "__next__")
        (folder / "upload").write_bytes(b"".join(data) if chunked else data)
        chunks = ["--header", "Transfer-Encoding: chunked"] if chunked and self.version == "--http1.1" else []
        return ["--data-binary", f"@{folder / 'upload'}", *chunks]

    def leave(self, url):
        with subprocess.Popen(["curl", "--silent", self.version, "--no-buffer", url], stdout=subprocess.PIPE) as process:
            process.stdout.read(100_000)
            process.kill()


class CurlOverHttp2(Curl):
    version = "--http2-prior-knowledge"
    # curl 7.88 fails after a redirect over HTTP/2, whoever the server is.
    follows_redirects = False


def arguments(parts):
    return {name: value for name, value in parts.items() if value is not None}


def with_query(url, parts):
    query = urllib.parse.urlencode(parts.get("params") or [])
    return f"{url}?{query}" if query else url


def plain_upload(url, size):
    """Sends a long body as Python's own client does: all of it, before it looks for an answer."""
    parsed = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parsed.netloc, timeout=DEADLINE)
    try:
        connection.request("POST", parsed.path, body=b"x" * size)
        return connection.getresponse().status
    finally:
        connection.close()


ALL = [Requests, Httpx, HttpxOverHttp2, Aiohttp, Curl, CurlOverHttp2]
BEHIND_PROXIES = [Requests, Httpx, Aiohttp, Curl]
