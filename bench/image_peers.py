"""What bench/images compares: each contestant brings an image from a registry to a root that can be entered."""

import json
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*command):
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


class Registry:
    """Debian's docker-registry on loopback."""

    def __init__(self, directory):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        config = directory / "registry.yml"
        config.write_text(json.dumps({
            "version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(directory / "registry")},
                        "cache": {"blobdescriptor": "inmemory"}},
            "http": {"addr": self.address}}))
        self.process = subprocess.Popen(["docker-registry", "serve", str(config)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://{self.address}/v2/", timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("docker-registry does not answer")

    def push(self, layout, name):
        run("skopeo", "copy", "--dest-tls-verify=false", f"oci:{layout}:latest", f"docker://{self.address}/{name}:latest")

    def close(self):
        self.process.terminate()
        self.process.wait(10)


class Contestant:
    """`pull` is timed and leaves a root at the path that it returns; `clean` is not timed."""

    def __init__(self, work):
        self.work = work

    def start(self):
        """What must run before; not timed."""

    def stop(self):
        """The reverse of start()."""


class Pipeline(Contestant):
    name = "curl | sha256sum | gzip -d | bsdtar -x"

    def pull(self, registry, image):
        root = self.work / "pipeline"
        root.mkdir()
        accept = "Accept: application/vnd.oci.image.manifest.v1+json"
        manifest = json.loads(run("curl", "-sSf", "-H", accept, f"http://{registry}/v2/{image}/manifests/latest"))
        for layer in manifest["layers"]:
            url = f"http://{registry}/v2/{image}/blobs/{layer['digest']}"
            script = f"set -o pipefail; curl -sSf {url} | tee >(sha256sum >{self.work}/sum) | gzip -d | bsdtar -x -p -C {root}"
            run("bash", "-c", script)
        return root

    def clean(self):
        shutil.rmtree(self.work / "pipeline", ignore_errors=True)


class Shoji(Contestant):
    name = "shoji"

    def __init__(self, work, program):
        super().__init__(work)
        self.command = [program, "--store", work / "shoji"]

    def pull(self, registry, image):
        run(*self.command, "pull", "--quiet", f"{registry}/{image}:latest")
        run(*self.command, "root", "create", f"{registry}/{image}:latest", "bench")
        return pathlib.Path(run(*self.command, "root", "mount", "bench"))

    def clean(self):
        subprocess.run([str(word) for word in [*self.command, "root", "rm", "--force", "bench"]], capture_output=True, check=False)
        shutil.rmtree(self.work / "shoji", ignore_errors=True)


class Podman(Contestant):
    name = "podman"

    def __init__(self, work):
        super().__init__(work)
        self.command = ["podman", "--root", work / "podman", "--runroot", work / "podman-run", "--storage-driver", "overlay"]

    def pull(self, registry, image):
        run(*self.command, "pull", "--quiet", "--tls-verify=false", f"{registry}/{image}:latest")
        return pathlib.Path(run(*self.command, "image", "mount", f"{registry}/{image}:latest"))

    def clean(self):
        subprocess.run([str(word) for word in [*self.command, "image", "umount", "--all"]], capture_output=True, check=False)
        for part in ("podman", "podman-run"):
            subprocess.run(["umount", "-R", str(self.work / part / "overlay")], capture_output=True, check=False)
            shutil.rmtree(self.work / part, ignore_errors=True)


class Containerd(Contestant):
    name = "containerd (ctr)"

    def start(self):
        base = self.work / "containerd"
        base.mkdir()
        config = base / "config.toml"
        config.write_text(f'version = 2\nroot = "{base}/root"\nstate = "{base}/state"\n'
                          f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{base}/socket"\n')
        self.process = subprocess.Popen(["containerd", "--config", str(config), "--log-level", "error"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.command = ["ctr", "--address", base / "socket"]
        for _ in range(100):
            if subprocess.run([str(word) for word in [*self.command, "version"]], capture_output=True,
                              check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("containerd does not answer")

    def pull(self, registry, image):
        reference = f"{registry}/{image}:latest"
        run(*self.command, "images", "pull", "--plain-http", reference)
        target = self.work / "containerd" / "mounted"
        target.mkdir(exist_ok=True)
        run(*self.command, "images", "mount", "--plain-http", reference, target)
        return target

    def clean(self):
        """containerd keeps its state in memory too: a new one for each round."""
        subprocess.run(["umount", str(self.work / "containerd" / "mounted")], capture_output=True, check=False)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        subprocess.run(["umount", "-R", str(self.work / "containerd" / "state")], capture_output=True, check=False)
        shutil.rmtree(self.work / "containerd", ignore_errors=True)


class Umoci(Contestant):
    name = "skopeo + umoci"

    def pull(self, registry, image):
        base = self.work / "umoci"
        base.mkdir()
        run("skopeo", "copy", "--quiet", "--src-tls-verify=false", f"docker://{registry}/{image}:latest",
            f"oci:{base}/layout:latest")
        run("umoci", "unpack", "--image", f"{base}/layout:latest", base / "bundle")
        return base / "bundle" / "rootfs"

    def clean(self):
        shutil.rmtree(self.work / "umoci", ignore_errors=True)
