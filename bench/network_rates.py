"""bench/network: whether a partition's rate is what it was given, both ways."""

import subprocess
import sys
import time

from table import grid

CASES = [("10mbit", 10e6, 5), ("1gbit", 1e9, 3)]
WARMUP, TOLERANCE = 1, 0.05

# One end sends as much as it can over one connection, the other end takes it.
LISTENER = """
import socket, sys
listener = socket.create_server(("", 5001))
print("ready", flush=True)
peer = listener.accept()[0]
block = bytearray(1 << 18)
if sys.argv[1] == "in":
    while peer.recv_into(block): pass
else:
    while True: peer.sendall(block)
"""
CALLER = """
import socket, sys
peer = socket.create_connection((sys.argv[2], 5001), 5)
block = bytearray(1 << 18)
if sys.argv[1] == "in":
    while True: peer.sendall(block)
else:
    while peer.recv_into(block): pass
"""


HEADERS = 14 + 20 + 32  # Ethernet, IPv4, TCP with time stamps


def fields_of(process, file, row):
    """The numbers of a row of a file in /proc/PID/net; of two rows of that name, by the names in the first."""
    with open(f"/proc/{process.pid}/net/{file}", encoding="ascii") as lines:
        rows = [line.split()[1:] for line in lines if line.split()[0] == row]
    return rows[0] if len(rows) == 1 else dict(zip(*rows))


def received_on_wire(process, interface):
    """Bytes that the interface in the process's network namespace received, as if every segment had been a packet of its
    own: it counts the headers of many that travel as one only once, a link and a rate each time."""
    size, packets = (int(field) for field in fields_of(process, "dev", f"{interface}:")[:2])
    counts = fields_of(process, "netstat", "IpExt:")
    segments = sum(int(counts[name]) for name in ("InNoECTPkts", "InECT1Pkts", "InECT0Pkts", "InCEPkts"))
    return size + (segments - packets) * HEADERS


def bits_per_second(client, partition, address, direction, seconds):
    """What arrived at the end that receives, after the first second."""
    listener = subprocess.Popen(partition.command(sys.executable, "-c", LISTENER, direction, cpu=1), stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL)
    caller = None
    try:
        listener.stdout.readline()
        caller = subprocess.Popen(client.command(sys.executable, "-c", CALLER, direction, address, cpu=0), stderr=subprocess.DEVNULL)
        time.sleep(WARMUP)
        receiver, interface = (listener, "eth0") if direction == "in" else (caller, client.wires[-1])
        before, begin = received_on_wire(receiver, interface), time.monotonic()
        time.sleep(seconds)
        return (received_on_wire(receiver, interface) - before) * 8 / (time.monotonic() - begin)
    finally:
        for process in filter(None, (caller, listener)):
            process.kill()
            process.wait()


def measure(args, lab):
    del args
    shoji = lab.shoji("rates")
    shoji.network("shaped", "10.79.0.0/16", "--no-nat")
    lab.client.ip(f"route replace 10.79.0.0/16 via {shoji.address}")
    rows = []
    for text, wanted, seconds in CASES:
        partition, address = shoji.attach(f"rate-{text}", "shaped", "--rate-in", text, "--rate-out", text)
        for direction in ("in", "out"):
            seen = bits_per_second(lab.client, partition, address, direction, seconds)
            rows.append((f"{text} {direction}", seen, seen / wanted))
    print("\nrates of one TCP connection, Mbit/s with all headers as on a wire")
    grid("", rows, [("Mbit/s", lambda row: f"{row[1] / 1e6:.2f}"), ("/ wanted", lambda row: f"{row[2]:.3f}"),
                    ("within 5 %", lambda row: "yes" if abs(row[2] - 1) <= TOLERANCE else "NO")], {row: row[0] for row in rows})
