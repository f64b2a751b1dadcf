"""bench/network: all members of a service are replaced under load, one after the other."""

import time

from network_hosts import MEMBERS, SERVICE_PORT
from network_lab import Load

CONNECTIONS, RATE, NEW = 50, 100, 200  # kept connections, requests per second on each, new connections per second
STEADY_SECONDS, DRAIN_SECONDS, LONGEST_SECONDS = 3, 1, 120


def load_options(seconds):
    return ["--keep-alive", CONNECTIONS, "--rate", RATE, "--new", NEW, "--duration", seconds, "--warmup", "0.3", "--tally", "X-Member"]


def replace(shoji, number):
    """Start the new one, add it, drain the old one, end it."""
    old, new = f"old{number}", f"new{number}"
    shoji.server(new, "members")
    shoji.verb("service", "add", "web", f"{new}:80")
    shoji.drain("web", f"{old}:80", DRAIN_SECONDS)
    shoji.retire(old)
    shoji.verb("service", "remove", "web", f"{old}:80")


def measure(args, lab):
    shoji = lab.shoji("drain")
    shoji.network("members", "10.81.0.0/16")
    for number in range(MEMBERS):
        shoji.server(f"old{number}", "members")
    shoji.service("web", SERVICE_PORT, [f"old{number}:80" for number in range(MEMBERS)])
    url = f"http://{shoji.address}:{SERVICE_PORT}/"
    steady = Load(args.load, lab.client, url, *load_options(STEADY_SECONDS)).result()
    load = Load(args.load, lab.client, url, *load_options(LONGEST_SECONDS))
    time.sleep(1)
    begin = time.monotonic()
    try:
        for number in range(MEMBERS):
            replace(shoji, number)
        seconds = time.monotonic() - begin
        time.sleep(1)
    finally:
        load.stop()
        report = load.result()
    print(f"\n{MEMBERS} members replaced in {seconds:.1f} s under {CONNECTIONS} kept connections with {RATE} requests/s each and "
          f"{NEW} new connections/s")
    print(f"  {report['failed']} failed of {report['planned']} requests; {report['reconnected']} kept connections closed by "
          f"servers that ended, {report['reopened']} requests sent again for that")
    print(f"  answered by {len(report['tally'])} members; p99 {report['latency_us']['all']['p99'] / 1000:.2f} ms, "
          f"steady before {steady['latency_us']['all']['p99'] / 1000:.2f} ms")
    for example in report["examples"]:
        print(f"  failed: {example}")
    return report["failed"] == 0
