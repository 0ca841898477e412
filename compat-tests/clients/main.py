"""Runs every check with every client, directly and through proxies, and prints what failed: main.py FOLDER."""

import os
import sys
from pathlib import Path

import checks
import clients
import pages
import servers
import sockets


def main(folder):
    failures, counts = [], {}

    def check(group, name, function, *arguments):
        counts[group] = counts.get(group, 0) + 1
        try:
            function(*arguments)
        except Exception as error:  # a report, whatever went wrong
            failures.append(f"{group}: {name}: {type(error).__name__}: {error}")

    with servers.costrel(folder) as address:
        places = {"directly": (f"http://{address}", clients.ALL)}
        for name, proxy in servers.PROXIES.items():
            started = proxy(folder, address)
            if started is None:
                print(f"SKIPPED: {name} (it is not on this machine)")
                if name in os.environ.get("COSTREL_REQUIRES", "").split(","):
                    failures.append(f"{name}: it must be on this machine, because COSTREL_REQUIRES names it")
            else:
                places[f"through {name}"] = (started, clients.BEHIND_PROXIES)
        for place, (base, used) in places.items():
            for colour in ("sync", "async"):
                for client in used:
                    for function in checks.ALL:
                        check(f"{client.__name__} {place}", f"{colour} {function.__name__}", used_once, client, function, f"{base}/{colour}")
                for function in sockets.ALL:
                    check(f"WebSockets {place}", f"{colour} {function.__name__}", function, f"{base}/{colour}")
    with servers.showcase(folder) as (address, paths):
        for path in paths:
            check("httplint", path, pages.check, f"http://{address}{path}")

    for group, count in counts.items():
        print(f"{group}: {count} checks")
    print("\n".join(failures) or "All agree.")
    return 1 if failures else 0


def used_once(client, function, base):
    with client() as opened:
        function(opened, base)


sys.exit(main(Path(sys.argv[1])))
