"""bench/network: requests per second and latency by each way to the same server."""

import random

import network_hosts as hosts
import network_peers
from network_lab import CLIENT_CPU, SERVER_CPU, Load, median_and_spread, prefer_all, wait_until, wrk
from network_hosts import MEMBERS, PORT, SERVICE_PORT
from table import grid

ROUNDS, NEW_EVERY, PEER_EVERY, SECONDS = 12, 2, 4, 1
LATENCY_ROUNDS, LATENCY_SECONDS, CONNECTIONS = 7, 1.5, 32


class Way:
    """One contestant: where its requests go, and what they are compared with."""

    def __init__(self, name, url, reference=None, peer=False):
        self.name, self.url, self.reference, self.peer = name, url, reference, peer
        self.rates = {False: {}, True: {}}  # by whether each request has a connection of its own; then by round
        self.costs = {False: {}, True: {}}
        self.latencies = {}


def shoji_ways(shoji, single, spread):
    shoji.network("bridged", "10.77.0.0/16")
    shoji.network("routed", "10.78.0.0/16", "--kind", "routed")
    shoji.server("single", "bridged", "-p", f"{PORT}:80")
    shoji.server("apart", "routed", "-p", f"{PORT + 1}:80")
    for number in range(MEMBERS):
        shoji.server(f"web{number}", "bridged")
    shoji.service("web", SERVICE_PORT, [f"web{number}:80" for number in range(MEMBERS)])
    base = f"http://{shoji.address}"
    return [Way("shoji, published port", f"{base}:{PORT}/", single),
            Way("shoji, routed network", f"{base}:{PORT + 1}/", single),
            Way(f"shoji, service of {MEMBERS}", f"{base}:{SERVICE_PORT}/", spread)]


def answers(client, way):
    wait_until(way.name, lambda: client.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "2", way.url) == "200")


def measure_rates(client, ways, rounds):
    for number in range(rounds):
        for close in (False, True) if number % NEW_EVERY == 0 else (False,):
            order = [way for way in ways if not way.peer or number % PEER_EVERY == 0]
            random.shuffle(order)
            for way in order:
                way.rates[close][number], way.costs[close][number] = wrk(client, way.url, SECONDS, CONNECTIONS, close)


def measure_latencies(client, ways, program, rate, rounds):
    """The p99 of requests on kept connections at a fixed rate, microseconds."""
    for number in range(rounds):
        order = list(ways)
        random.shuffle(order)
        for way in order:
            report = Load(program, client, way.url, "--keep-alive", CONNECTIONS, "--rate", rate / CONNECTIONS,
                          "--duration", LATENCY_SECONDS + 0.3, "--warmup", "0.3").result()
            if report["failed"]:
                raise RuntimeError(f"{way.name}: {report['failed']} of {report['planned']} requests failed: {report['examples'][:2]}")
            way.latencies[number] = report["latency_us"]["all"]["p99"]


def paired(mine, theirs):
    """The median of the ratios of the same rounds."""
    ratios = [mine[number] / theirs[number] for number in mine if number in theirs]
    return median_and_spread(ratios)[0] if ratios else None


def show(ways, rate):
    def columns(title, form, values):
        def median(way):
            return form.format(median_and_spread(values(way).values())[0]) if values(way) else "-"

        def ratio(way):
            found = paired(values(way), values(way.reference)) if way.reference else None
            return f"{found:.3f}" if found else "-"
        return [(title, median), ("/ ref", ratio)]

    labels = {way: way.name for way in ways}
    print(f"\nmedians of {len(ways[0].rates[False])} interleaved rounds of {SECONDS} s; client on CPU {CLIENT_CPU}, servers on CPU "
          f"{SERVER_CPU}; / ref: median of the rounds' ratios to the hand-made counterpart")
    grid("requests per second", ways, columns("kept conn.", "{:,.0f}", lambda way: way.rates[False]) +
         columns("new conn.", "{:,.0f}", lambda way: way.rates[True]) +
         columns(f"p99 us at {rate:,.0f}/s", "{:,.0f}", lambda way: way.latencies), labels)
    grid("processor us per request", ways, columns("kept conn.", "{:.2f}", lambda way: way.costs[False]) +
         columns("new conn.", "{:.1f}", lambda way: way.costs[True]), labels)


def measure(args, lab):
    """`lab` makes hosts that are closed at the end."""
    client = lab.client
    one, many = lab.keep(hosts.HandMade(lab.work, client, 1)), lab.keep(hosts.HandMade(lab.work, client, MEMBERS))
    bare = lab.keep(hosts.BareHost(lab.work, client))
    single, spread = Way(one.name, one.url), Way(many.name, many.url)
    ways = [single, spread, *shoji_ways(lab.shoji("requests"), single, spread), Way(bare.name, bare.url, single, peer=True)]
    for peer in network_peers.peers(lab.work, client) if args.peers else []:
        lab.keep(peer)
        ways.append(Way(f"{peer.name} {peer.version()}", peer.serve(SERVER_CPU), single, peer=True))
    for way in ways:
        answers(client, way)
    prefer_all("nginx")
    network_peers.prefer_cgroups()
    rounds = args.rounds or ROUNDS
    measure_rates(client, ways, rounds)
    rate = min(median_and_spread(way.rates[False].values())[0] for way in ways if not way.peer) / 2
    measure_latencies(client, [way for way in ways if not way.peer], args.load, rate, min(rounds, LATENCY_ROUNDS))
    show(ways, rate)
