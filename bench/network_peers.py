"""podman and docker as bench/network runs them: each on a host of its own, with stores of its own, from the same small root."""

import contextlib
import glob
import json
import os
import pathlib
import re
import shutil
import subprocess

from network_lab import Host, connect, nginx_config, run, timed, wait_until

PORT = 8080
CGROUP = "shoji-bench"


def remove_cgroups():
    """Of containers that have ended: all of ours are below one, in every hierarchy."""
    for top in glob.glob(f"/sys/fs/cgroup/{CGROUP}-*") + glob.glob(f"/sys/fs/cgroup/*/{CGROUP}-*"):
        for path, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(path)


def small_root(work):
    """A root directory with this machine's nginx, a shell's few programs and the libraries of both."""
    root = work / "root"
    for name in ("dev", "proc", "sys", "tmp", "etc", "run", "bench", "var/log/nginx", "var/lib/nginx"):
        (root / name).mkdir(parents=True)
    for name in ("passwd", "group"):
        shutil.copy(f"/etc/{name}", root / "etc" / name)
    programs = [shutil.which(name) for name in ("nginx", "true", "sleep")]
    libraries = {match for program in programs for match in re.findall(r"(/\S+) \(0x", run("ldd", program))}
    for path in [*programs, *libraries]:
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    nginx_config(root / "bench", 80, "peer")
    config = root / "bench" / "nginx.conf"
    config.write_text(config.read_text().replace(str(root), ""))
    return root


def prefer_cgroups():
    """The rest of the machine disturbs containers as little as what runs beside them: those are preferred by
    priority, and -15 has the weight 29154 (sched_prio_to_weight of the kernel), where 0 has 1024."""
    for knob, weight in (("cpu.shares", "29154"), ("cpu.weight", "2847")):
        for top in glob.glob(f"/sys/fs/cgroup/{CGROUP}-*") + glob.glob(f"/sys/fs/cgroup/*/{CGROUP}-*"):
            for path in [f"{top}/{knob}"] + glob.glob(f"{top}/**/{knob}", recursive=True):
                with contextlib.suppress(OSError), open(path, "w", encoding="ascii") as file:
                    file.write(weight)


class Podman:
    name = "podman bridge"

    def __init__(self, work, client):
        self.host = Host("podman")
        self.address = connect(client, self.host)
        config = work / "containers.conf"
        files = min(20000, os.sysconf("SC_OPEN_MAX"))
        config.write_text(f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc=32768:32768"]\npids_limit = 0\n'
                          '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
                          f'[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{work}/networks"\n')
        os.environ["CONTAINERS_CONF"] = str(config)
        self.root = small_root(work)
        # Debian 12's crun refuses hosts with controllers on both cgroup trees.
        self.podman = ["podman", "--runtime", "runc", "--root", work / "podman", "--runroot", work / "run" / "podman"]
        self.run_options = ["--cgroups=no-conmon", "--cgroup-parent", f"/{CGROUP}-podman", "--rootfs", self.root]

    def version(self):
        return run("podman", "--version").split()[-1]

    def serve(self, cpu):
        self.host.run(*self.podman, "run", "--detach", "--name", "web", "--cpuset-cpus", cpu, "--publish", f"{PORT}:80",
                      *self.run_options, "nginx", "-e", "stderr", "-c", "/bench/nginx.conf")
        return f"http://{self.address}:{PORT}/"

    def start_and_remove(self, network):
        """Milliseconds of one container that does nothing, from its start to its removal."""
        options = ["--publish", f"{PORT + 1}:80"] if network == "bridge" else []
        return timed(*self.host.command(*self.podman, "run", "--rm", "--network", network, *options, *self.run_options, "true"))

    def close(self):
        subprocess.run([str(word) for word in self.host.command(*self.podman, "rm", "--force", "--all", "--time", "0")],
                       capture_output=True, check=False)
        self.host.close()
        remove_cgroups()


class Docker:
    name = "docker bridge"

    def __init__(self, work, client):
        self.host = Host("docker")
        self.address = connect(client, self.host)
        self.root = work / "root" if (work / "root").exists() else small_root(work)
        self.socket = f"unix://{work}/run/docker.sock"
        log = open(work / "dockerd.log", "w", encoding="utf-8")
        self.daemon = self.host.spawn(
            "dockerd", "--host", self.socket, "--data-root", work / "docker", "--exec-root", work / "run" / "docker",
            "--pidfile", work / "run" / "docker.pid", "--exec-opt", "native.cgroupdriver=cgroupfs",
            "--cgroup-parent", f"/{CGROUP}-docker", "--default-ulimit", "nofile=20000:20000", stdout=log, stderr=log)
        wait_until("dockerd", lambda: subprocess.run(self.docker("version"), capture_output=True, check=False).returncode == 0, 30)
        with subprocess.Popen(["tar", "-C", self.root, "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run(self.docker("import", "-", "bench"), stdin=tar.stdout, check=True, capture_output=True)

    def docker(self, *words):
        return [str(word) for word in ["docker", "--host", self.socket, *words]]

    def version(self):
        return json.loads(run(*self.docker("version", "--format", "{{json .Server.Version}}")))

    def serve(self, cpu):
        run(*self.docker("run", "--detach", "--name", "web", "--cpuset-cpus", cpu, "--publish", f"{PORT}:80", "bench",
                         "nginx", "-e", "stderr", "-c", "/bench/nginx.conf"))
        return f"http://{self.address}:{PORT}/"

    def start_and_remove(self, network):
        options = ["--publish", f"{PORT + 1}:80"] if network == "bridge" else []
        return timed(*self.docker("run", "--rm", "--network", network, *options, "bench", "true"))

    def close(self):
        containers = subprocess.run(self.docker("ps", "-aq"), capture_output=True, text=True, check=False).stdout.split()
        if containers:
            subprocess.run(self.docker("rm", "--force", *containers), capture_output=True, check=False)
        self.daemon.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.daemon.wait(timeout=15)
        self.host.close()
        remove_cgroups()


def peers(work, client):
    """Those of them that run here."""
    found = []
    for kind, programs in ((Podman, ["podman"]), (Docker, ["dockerd", "docker"])):
        if not all(shutil.which(name) for name in programs):
            print(f"{kind.name}: not installed")
            continue
        try:
            found.append(kind(work, client))
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            print(f"{kind.name}: does not run here: {error}")
    return found
