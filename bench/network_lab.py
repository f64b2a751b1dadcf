"""The test ground of bench/network: hosts that are network namespaces, servers and clients in them, medians of what they say.

Everything lives in private mount, process and network namespaces (enter()), so that the end of this process, however it
comes, is the end of all of it.
"""

import contextlib
import itertools
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

CLIENT_CPU, SERVER_CPU = 0, 1
PRIORITY = -15
INSIDE = "SHOJI_BENCH_NETWORK"


def enter():
    """Of a program that was started by in_own_namespaces()."""
    for memory in ("/run", "/dev/shm"):  # where engines keep locks and namespaces that all of a host share
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "none", memory)
    run("ip", "link", "set", "lo", "up")
    os.setsid()  # a session of its own, whose priority all contestants inherit
    prefer(os.getpid())
    # Process 1 is spared signals that it has not asked for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: ended by a signal"))


def prefer(pid):
    """What else this machine does disturbs the process less. With autogroups (sched(7)) its session's priority counts."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, PRIORITY)
        pathlib.Path(f"/proc/{pid}/autogroup").write_text(str(PRIORITY), encoding="ascii")


def prefer_all(name):
    """The same for every process of that name: engines give containers a session of their own."""
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text(encoding="utf-8").strip() == name:
                prefer(int(path.parent.name))


def in_own_namespaces(*command):
    """Runs it as process 1 of namespaces of its own; its exit status."""
    return subprocess.run(words_of(["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", *command]),
                          env={**os.environ, INSIDE: "1"}, check=False).returncode


@contextlib.contextmanager
def workplace(disk):
    """A directory on a disk, with `run` in memory as /run is. What is mounted below it ends with the namespace."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="shoji-bench-network.", dir=disk))
    try:
        (work / "run").mkdir()
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "none", work / "run")
        yield work
    finally:
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            below = [line.split()[1] for line in mounts if line.split()[1].startswith(f"{work}/")]
        for target in reversed(below):
            subprocess.run(["umount", "--lazy", target], capture_output=True, check=False)
        shutil.rmtree(work, ignore_errors=True)


def words_of(command):
    return [str(word) for word in command]


def run(*command, stdin=None, timeout=60):
    """Its standard output; an error carries what it said."""
    done = subprocess.run(words_of(command), input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise RuntimeError(f"{' '.join(words_of(command))[:300]}: status {done.returncode}: {' / '.join(said)}")
    return done.stdout


def timed(*command):
    """Milliseconds from before posix_spawn to after the wait."""
    words = words_of(command)
    program = shutil.which(words[0])
    errors = os.memfd_create("errors")
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, errors, 2)]
    begin = time.perf_counter()
    pid = os.posix_spawn(program, words, os.environ, file_actions=actions)
    status = os.waitpid(pid, 0)[1]
    milliseconds = (time.perf_counter() - begin) * 1000
    said = os.pread(errors, 2000, 0).decode(errors="replace").strip()
    os.close(errors)
    os.close(null)
    if status != 0:
        raise RuntimeError(f"{' '.join(words)[:300]}: status {os.waitstatus_to_exitcode(status)}: {said}")
    return milliseconds


def wait_until(what, holds, seconds=10):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


class Host:
    """A network namespace, kept by a process that sleeps."""

    def __init__(self, name, netns=None):
        self.name = name
        self.processes = []
        self.wires = []  # interfaces to other hosts
        if netns is None:
            holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
            own = os.stat("/proc/self/ns/net").st_ino
            netns = f"/proc/{holder.pid}/ns/net"
            wait_until(f"host {name}", lambda: os.stat(netns).st_ino != own)
            self.processes.append(holder)
        self.netns = str(netns)
        self.ip("link set lo up")

    def command(self, *words, cpu=None):
        pinned = ["taskset", "--cpu-list", cpu] if cpu is not None else []
        return words_of(["nsenter", f"--net={self.netns}", *pinned, *words])

    def run(self, *words, **options):
        return run(*self.command(*words), **options)

    def ip(self, batch):
        self.run("ip", "-batch", "-", stdin=batch + "\n")

    def nft(self, ruleset):
        self.run("nft", "-f", "-", stdin=ruleset)

    def forward(self):
        self.run("sysctl", "-qw", "net.ipv4.ip_forward=1")

    def spare_ports(self):
        """For a client of thousands of short connections per second: a port in TIME-WAIT serves again after a second."""
        self.run("sysctl", "-qw", "net.ipv4.tcp_tw_reuse=1", "net.ipv4.ip_local_port_range=1024 65535")

    def spawn(self, *words, cpu=None, **options):
        process = subprocess.Popen(self.command(*words, cpu=cpu), stdin=subprocess.DEVNULL, **options)
        self.processes.append(process)
        return process

    def serve(self, work, port, name, cpu=SERVER_CPU, body=b"x" * 600):
        """nginx with one worker, which answers everything from memory and says who it is."""
        directory = work / f"nginx-{self.name}-{name}"
        directory.mkdir()
        config = nginx_config(directory, port, name, body)
        process = self.spawn("nginx", "-e", directory / "error", "-c", config, cpu=cpu, stderr=subprocess.DEVNULL)
        wait_until(f"nginx in {self.name}", lambda: str(port) in self.run("ss", "-Hltn", f"sport = :{port}"))
        return process

    def close(self):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
        self.processes.clear()


def nginx_config(directory, port, name, body=b"x" * 600):
    config = directory / "nginx.conf"
    config.write_text(f"""
user root; worker_processes 1; daemon off; pid {directory}/pid;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600; tcp_nodelay on; lingering_close off;
  client_body_temp_path {directory}/t1; proxy_temp_path {directory}/t2; fastcgi_temp_path {directory}/t3;
  uwsgi_temp_path {directory}/t4; scgi_temp_path {directory}/t5;
  server {{ listen {port} reuseport backlog=4096; location / {{ add_header X-Member {name}; return 200 "{body.decode()}"; }} }}
}}
""")
    return config


_links = itertools.count(1)


def connect(client, host):
    """A wire between the client's host and another one; returns that one's address on it."""
    number = next(_links)
    here, there = f"w{number}c", f"w{number}h"
    pid = re.search(r"\d+", client.netns).group()
    host.ip(f"link add {there} type veth peer name {here} netns {pid}\n"
            f"address add 198.18.{number}.1/24 dev {there}\nlink set {there} up")
    client.ip(f"address add 198.18.{number}.2/24 dev {here}\nlink set {here} up")
    client.wires.append(here)
    return f"198.18.{number}.1"


def processor_time(name):
    """Microseconds that all processes of that name have had so far; what the kernel did for them of it included."""
    total = 0
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text(encoding="utf-8").strip() == name:
                total += int((path.parent / "schedstat").read_text(encoding="ascii").split()[0]) / 1000
    return total


def wrk(client, url, seconds, connections=32, close=False):
    """Requests per second, and microseconds of processor time per request, of wrk and all nginx."""
    headers = ["-H", "Connection: close"] if close else []
    words = client.command("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *headers, url, cpu=CLIENT_CPU)
    servers, clients = processor_time("nginx"), resource.getrusage(resource.RUSAGE_CHILDREN)
    text = run(*words, timeout=seconds + 30)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    time_of_client = (spent.ru_utime - clients.ru_utime + spent.ru_stime - clients.ru_stime) * 1e6
    bad = re.search(r"Socket errors:.*|Non-2xx.*", text)
    if bad and not close:
        raise RuntimeError(f"wrk {url}: {bad.group()}")
    requests = int(re.search(r"(\d+) requests in", text).group(1))
    return (float(re.search(r"Requests/sec:\s*([\d.]+)", text).group(1)),
            (processor_time("nginx") - servers + time_of_client) / max(requests, 1))


class Load:
    """bench-load under way; stop() ends it early, result() is its report."""

    def __init__(self, program, client, url, *options, cpu=CLIENT_CPU):
        self.process = client.spawn(program, "--format", "json", *options, url, cpu=cpu, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)

    def stop(self):
        self.process.terminate()

    def result(self, timeout=120):
        out, errors = self.process.communicate(timeout=timeout)
        if not out:
            raise RuntimeError(f"bench-load: {errors.strip()}")
        return json.loads(out)


def median_and_spread(values):
    values = sorted(values)
    return statistics.median(values), values[len(values) // 10], values[-1 - len(values) // 10]
