"""Reads responses with httplint: nothing bad, and no warning that is not explained here."""

import http.client
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

EXPLAINED = {
    # The app says for how long its pages may be kept, as in Flask; a page without a word of it is left to the caches.
    "This response allows caches to assign their own freshness lifetimes to it.",
    # An event stream says `no-cache`, and there is no copy of it to validate.
    "This response cannot be served from cache without validation, and doesn't have a validator.",
}

MARKS = re.compile(r"^\* \[(WARN|BAD)\] (.*)", re.MULTILINE)


def check(url):
    found = [note for mark, note in MARKS.findall(lint(raw(url))) if note not in EXPLAINED]
    if found:
        raise AssertionError("; ".join(found))


def lint(response):
    httplint = Path(sys.executable).with_name("httplint")
    return subprocess.run([httplint], input=response, capture_output=True, check=True).stdout.decode()


def raw(url):
    parsed = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parsed.netloc, timeout=20)
    connection.request("GET", parsed.path)
    response = connection.getresponse()
    # The body is read without its chunks.
    headers = [f"{name}: {value}" for name, value in response.getheaders() if name.lower() != "transfer-encoding"]
    head = [f"HTTP/1.1 {response.status} {response.reason}", *headers]
    body = response.read()
    connection.close()
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body
