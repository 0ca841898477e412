"""What people do with a server. Each check gets a client and the address of the views of one colour."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

from clients import plain_upload

CHUNKS = b"".join(b"chunk %d\n" % n for n in range(100))
LARGEST_BODY = 1 << 20


def same(found, due):
    if found != due:
        raise AssertionError(f"{str(found)[:200]} and not {str(due)[:200]}")


def pages_come_one_after_the_other(client, base):
    for _ in range(3):
        answer = client.send("GET", f"{base}/hello")
        same((answer.status, answer.body), (200, b"hello"))


def head_has_no_body(client, base):
    answer = client.send("HEAD", f"{base}/hello")
    same((answer.status, answer.headers.get("content-length"), answer.body), (200, "5", b""))
    pages_come_one_after_the_other(client, base)


def the_address_is_the_clients(client, base):
    query = [("q", "käse & 2"), ("q", "")]
    answer = json.loads(client.send("GET", f"{base}/where", params=query).body)
    same(answer["args"], [list(pair) for pair in query])
    same((answer["url"].split("?")[0], answer["client"]), (f"{base}/where", "127.0.0.1"))


def bodies_come_back(client, base):
    for size in (0, 1, 100_000, LARGEST_BODY):
        answer = client.send("POST", f"{base}/echo", data=b"x" * size, headers={"content-type": "text/x-own"})
        same((answer.status, len(answer.body), answer.headers["content-type"]), (200, size, "text/x-own"))


def chunked_bodies_come_back(client, base):
    answer = client.send("POST", f"{base}/echo", data=iter([b"one ", b"x" * 70_000, b" two"]))
    same((answer.status, answer.body[:5], len(answer.body)), (200, b"one x", 70_008))


def json_comes_back(client, base):
    value = {"text": "käse", "list": [1, 2.5, None, True], "nested": {"a": {}}}
    answer = client.send("POST", f"{base}/json", json=value)
    same((answer.status, json.loads(answer.body)), (200, value))


def forms_have_fields_and_files(client, base):
    answer = client.send("POST", f"{base}/form", data={"name": "Ada & Co", "empty": ""})
    same(json.loads(answer.body), {"fields": [["name", "Ada & Co"], ["empty", ""]], "files": []})
    answer = client.send("POST", f"{base}/form", data={"name": "Ada"}, files={"up": ("käse.txt", b"y" * 70_000)})
    same(json.loads(answer.body), {"fields": [["name", "Ada"]], "files": [["up", "käse.txt", 70_000]]})


def cookies_are_kept(client, base):
    same(json.loads(client.send("GET", f"{base}/cookies").body), [])
    for _ in range(2):
        same(json.loads(client.send("GET", f"{base}/cookies").body), ["a=b", "a, b; c"])


def redirects_are_followed(client, base):
    if not client.follows_redirects:
        return
    for status in (301, 302, 303, 307, 308):
        same(client.send("GET", f"{base}/redirect/{status}").body, b"hello")
    for status in (301, 302, 303):
        same(client.send("POST", f"{base}/redirect/{status}", data=b"body").body, b"hello")
    for status in (307, 308):
        same(client.send("POST", f"{base}/redirect/{status}", data=b"body").body, b"body")


def files_are_sent_in_parts(client, base):
    whole = client.send("GET", f"{base}/file/page.bin")
    same((whole.status, len(whole.body)), (200, 300_000))
    part = client.send("GET", f"{base}/file/page.bin", headers={"range": "bytes=-100"})
    same((part.status, part.body, part.headers["content-range"]), (206, whole.body[-100:], "bytes 299900-299999/300000"))
    again = client.send("GET", f"{base}/file/page.bin", headers={"if-none-match": whole.headers["etag"]})
    same((again.status, again.body), (304, b""))
    same(client.send("GET", f"{base}/file/none.bin").status, 404)


def streams_are_whole(client, base):
    same(client.send("GET", f"{base}/chunks").body, CHUNKS)
    answer = client.send("GET", f"{base}/events")
    same(answer.headers["content-type"], "text/event-stream")
    same(answer.body, b"".join(b"data: event %d\n\n" % n for n in range(3)))


def errors_leave_the_connection_usable(client, base):
    for method, path, status in [("GET", "none", 404), ("DELETE", "hello", 405), ("GET", "fails", 500), ("POST", "json", 415)]:
        same(client.send(method, f"{base}/{path}", data=b"x" if method == "POST" else None).status, status)
        pages_come_one_after_the_other(client, base)


def a_body_that_is_too_long_is_a_413(client, base):
    for _ in range(3):
        same(client.send("POST", f"{base}/echo", data=b"x" * (3 * LARGEST_BODY)).status, 413)
        same(plain_upload(f"{base}/echo", 3 * LARGEST_BODY), 413)
    pages_come_one_after_the_other(client, base)


def a_client_that_leaves_ends_its_stream(client, base):
    ended = int(client.send("GET", f"{base}/ended").body)
    client.leave(f"{base}/endless")
    until = time.monotonic() + 20
    while int(client.send("GET", f"{base}/ended").body) == ended:
        if time.monotonic() > until:
            raise AssertionError("the stream goes on after its client has left")
        time.sleep(0.02)


def many_ask_at_once(client, base):
    def as_another(_):
        with type(client)() as other:
            pages_come_one_after_the_other(other, base)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(as_another, range(16)))


ALL = [
    pages_come_one_after_the_other, head_has_no_body, the_address_is_the_clients, bodies_come_back, chunked_bodies_come_back,
    json_comes_back, forms_have_fields_and_files, cookies_are_kept, redirects_are_followed, files_are_sent_in_parts,
    streams_are_whole, errors_leave_the_connection_usable, a_body_that_is_too_long_is_a_413,
    a_client_that_leaves_ends_its_stream, many_ask_at_once,
]
