"""The servers: Costrel, the showcase, and the proxies in front of Costrel. All on this machine, and ended with this process."""

import atexit
import contextlib
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 256; }}
http {{
    access_log off; client_max_body_size 0;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://{address}; proxy_http_version 1.1; proxy_buffering off;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }}
    }}
}}
"""

HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 30s
    option forwardfor
frontend front
    bind 127.0.0.1:{port}
    http-request set-header X-Forwarded-Proto http
    default_backend costrel
backend costrel
    server costrel {address}
"""


@contextlib.contextmanager
def costrel(folder):
    files = folder / "files"
    files.mkdir(parents=True, exist_ok=True)
    (files / "page.bin").write_bytes(bytes(n % 251 for n in range(300_000)))
    command = [folder.parent / "debug" / "costrel-clients", files]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()
        if process.wait(20) != 0:
            raise SystemExit(f"the server ended with {process.returncode}")


@contextlib.contextmanager
def showcase(folder):
    program = folder.parent / "debug" / "costrel-showcase"
    routes = subprocess.run([program, "routes"], check=True, capture_output=True, text=True).stdout
    # Those without variables.
    paths = [path for methods, path in re.findall(r"^\S+ +((?:[A-Z]+, )*[A-Z]+) +(/\S*)", routes, re.MULTILINE)
             if "GET" in methods and "<" not in path]
    if not paths:
        raise SystemExit("the showcase lists no pages")
    port = free_port()
    process = subprocess.Popen([program, "run", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(process.kill)
    wait_for(port)
    yield f"127.0.0.1:{port}", paths
    process.kill()


def nginx(folder, address):
    # Debian keeps it where only root looks.
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    return program and proxy(folder, "nginx.conf", NGINX, address, [program, "-e", f"{folder}/nginx.log", "-c"])


def haproxy(folder, address):
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    return program and proxy(folder, "haproxy.cfg", HAPROXY, address, [program, "-f"])


def proxy(folder, name, settings, address, command):
    port, file = free_port(), Path(folder) / name
    file.write_text(settings.format(folder=folder, port=port, address=address))
    process = subprocess.Popen([*command, file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(process.terminate)
    wait_for(port)
    return f"http://127.0.0.1:{port}"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit(f"nothing listens on port {port} after 20 s")


PROXIES = {"nginx": nginx, "haproxy": haproxy}
