"""bench/network: what attaching to a network and leaving it costs, with few and with many partitions there."""

import random
import time

import network_peers
from network_lab import median_and_spread
from table import grid

PRESENT = (10, 1000)
ROUNDS, PEER_ROUNDS, TOGETHER = 20, 8, 100
PAUSE = 0.06


def partition_row(name, network="farm", port=None):
    attachment = {"network": network}
    if port:
        attachment["publish"] = [f"{port}:80"]
    return {"partition": name, "makeNetns": True, "networks": [attachment]}


class Times:
    """Milliseconds by what was done."""

    def __init__(self):
        self.rows = {}

    def add(self, key, value):
        self.rows.setdefault(key, []).append(value)

    def median(self, key):
        return median_and_spread(self.rows[key])[0] if key in self.rows else None


def one_by_one(shoji, times, rounds):
    """Whole verbs: a partition on the network with a published port, beside one without a network."""
    def timed_after_pause(key, *words):
        # The kernel takes namespaces and interfaces away after a verb has returned, under locks that the next one needs.
        time.sleep(PAUSE)
        times.add(key, shoji.timed_verb("network", *words))

    def without(name):
        timed_after_pause("attach none", "attach", name, "none")
        timed_after_pause("release none", "release", name)

    def on_bridge(name):
        timed_after_pause("attach", "attach", "--make", "-p", "8080:80", name, "farm")
        timed_after_pause("release", "release", name)
        times.add("attach at once", shoji.timed_verb("network", "attach", "--make", "-p", "8080:80", f"{name}-again", "farm"))
        timed_after_pause("detach", "detach", f"{name}-again")
        shoji.verb("network", "release", f"{name}-again")

    for number in range(rounds):
        for kind in random.sample([without, on_bridge], 2):
            kind(f"{kind.__name__.replace('_', '-')}-{number}")


def together(shoji, times, rounds):
    """Many by one verb, per partition. On a network beside: a bridge has no more than 1,023 ports."""
    for _ in range(rounds):
        names = [f"many-{number}" for number in range(TOGETHER)]
        rows = [partition_row(name, "batch", 20000 + number) for number, name in enumerate(names)]
        times.add("apply", shoji.apply({"attach": rows}) / TOGETHER)
        times.add("apply release", shoji.apply({"release": names}) / TOGETHER)


def show(times):
    few, many = PRESENT

    def row(key, without=None):
        return [times[count].median(key) - (times[count].median(without) if without else 0) for count in PRESENT]

    rows = {"attach to none": row("attach none"), "attach to a bridge, a port published": row("attach"),
            "  right after a release": row("attach at once"), "  over none": row("attach", "attach none"), "release from none": row("release none"), "release": row("release"),
            "  over none ": row("release", "release none"), "detach, running": row("detach"),
            f"attach {TOGETHER} together, each": row("apply"), f"release {TOGETHER} together, each": row("apply release")}
    print("\nmilliseconds of whole verbs, medians of interleaved rounds, with so many partitions present")
    grid("", list(rows), [(f"{few}", lambda name: f"{rows[name][0]:.2f}"), (f"{many}", lambda name: f"{rows[name][1]:.2f}"),
                          (f"{many} / {few}", lambda name: f"{rows[name][1] / rows[name][0]:.2f}" if rows[name][0] > 0 else "-")],
         {name: name for name in rows})


def show_peers(peers):
    for peer in peers:
        times = Times()
        for _ in range(PEER_ROUNDS):
            for network in random.sample(["none", "bridge"], 2):
                times.add(network, peer.start_and_remove(network))
        none, bridge = times.median("none"), times.median("bridge")
        print(f"{peer.name} {peer.version()}: run --rm of `true` without a network {none:.0f} ms, bridge and a port {bridge:.0f} ms: "
              f"{bridge - none:+.0f} ms")


def measure(args, lab):
    shoji = lab.shoji("attach")
    shoji.network("farm", "10.80.0.0/16")
    shoji.network("batch", "10.82.0.0/16")
    rounds = args.rounds or ROUNDS
    times = {}
    present = 0
    for count in PRESENT:
        rows = [partition_row(f"there-{number}") for number in range(present, count)]
        shoji.apply({"attach": rows})
        present = count
        times[count] = Times()
        one_by_one(shoji, times[count], rounds)
        together(shoji, times[count], 3)
    show(times)
    shoji.apply({"release": [f"there-{number}" for number in range(present)]})
    if args.peers:
        show_peers([lab.keep(peer) for peer in network_peers.peers(lab.work, lab.client)])
