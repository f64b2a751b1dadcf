"""The hosts that bench/network compares: Shoji's, the hand-made ones, and the bare host."""

import json
import subprocess

from network_lab import Host, connect, run, timed, words_of

PORT, SERVICE_PORT = 8080, 8090
MEMBERS = 8
CONNECTIONS_LEFT = 3  # exit status of `service drain`


class HandMade:
    """A veth and an address for each server, without a bridge, and one rule: what a person would write for just this."""

    def __init__(self, work, client, servers):
        self.name = "hand-made veth + DNAT" + (f" over {servers}" if servers > 1 else "")
        self.host = Host(f"hand{servers}")
        self.host.forward()
        address = connect(client, self.host)
        self.partitions = []
        for number in range(servers):
            partition = Host(f"hand{servers}-{number}")
            self.partitions.append(partition)
            holder = partition.processes[0].pid
            subnet = f"10.99.{number}"
            self.host.ip(f"link add p{number} type veth peer name eth0 netns {holder}\n"
                         f"address add {subnet}.1/24 dev p{number}\nlink set p{number} up")
            partition.ip(f"address add {subnet}.2/24 dev eth0\nlink set eth0 up\nroute add default via {subnet}.1")
            partition.serve(work, 80, "server")
        target = "10.99.0.2:80"
        if servers > 1:
            members = ", ".join(f"{number} : 10.99.{number}.2 . 80" for number in range(servers))
            target = f"numgen inc mod {servers} map {{ {members} }}"
        self.host.nft("table ip hand { chain pre { type nat hook prerouting priority dstnat; "
                      f"tcp dport {PORT} dnat to {target}; }}; }}")
        self.url = f"http://{address}:{PORT}/"

    def close(self):
        for partition in self.partitions:
            partition.close()
        self.host.close()


class BareHost:
    """The server on the host itself."""

    name = "host network"

    def __init__(self, work, client):
        self.host = Host("bare")
        self.url = f"http://{connect(client, self.host)}:{PORT}/"
        self.host.serve(work, PORT, "server")

    def close(self):
        self.host.close()


class Shoji:
    """A host whose networks the verbs make: this process's own namespace, so that starting one costs what it costs."""

    def __init__(self, work, client, program, name="shoji"):
        self.work = work / name
        self.work.mkdir()
        self.host = Host(name, netns="/proc/self/ns/net")
        self.address = connect(client, self.host)
        self.runtime = work / "run" / name
        self.words = [program, "--root", self.work / "root", "--run", self.runtime]
        self.members = {}

    def verb(self, *words, **options):
        return run(*self.words, *words, **options)

    def timed_verb(self, *words):
        return timed(*self.words, *words)

    def network(self, name, subnet, *options):
        self.verb("network", "create", "--subnet", subnet, *options, name)

    def attach(self, partition, network, *options):
        """The partition as a host, and its first address."""
        made = json.loads(self.verb("network", "attach", "--make", "--format", "json", *options, partition, network))
        return self.partition(partition), first_address(made)

    def partition(self, name):
        return Host(name, netns=self.runtime / "netns" / name)

    def apply(self, document):
        """Milliseconds."""
        path = self.work / "apply.json"
        path.write_text(json.dumps(document))
        return self.timed_verb("network", "apply", path)

    def service(self, name, port, members):
        """A virtual service on every address of the host."""
        self.verb("service", "create", name, port, *members)

    def drain(self, name, member, seconds):
        """Whether connections are left when the time is over."""
        done = subprocess.run(words_of([*self.words, "service", "drain", "--wait", f"{seconds}s", name, member]),
                              capture_output=True, text=True, check=False)
        if done.returncode not in (0, CONNECTIONS_LEFT):
            raise RuntimeError(f"service drain {name} {member}: {done.stderr.strip()}")
        return done.returncode == CONNECTIONS_LEFT

    def server(self, name, network, *options, cpu=1):
        """A partition with nginx at port 80."""
        partition, address = self.attach(name, network, *options)
        partition.serve(self.work, 80, name, cpu=cpu)
        self.members[name] = partition
        return partition, address

    def retire(self, name):
        """Ends a partition's server in order, as a keeper does, and takes the partition's network back."""
        partition = self.members.pop(name)
        for process in partition.processes:
            process.send_signal(3)  # SIGQUIT: nginx answers what it has begun
            process.wait(timeout=20)
        partition.processes.clear()
        self.verb("network", "release", name)

    def close(self):
        for partition in self.members.values():
            partition.close()
        self.host.close()


def first_address(made):
    """Of the answer of `network attach --format json`."""
    attachment = made[0] if isinstance(made, list) else made
    return attachment["addresses"][0].split("/")[0]
