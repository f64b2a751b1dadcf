"""The images that bench/images pulls: made once, kept in the cache as OCI layouts, and pushed to a registry."""

import gzip
import hashlib
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import tarfile

EPOCH = 1700000000


def cache():
    base = os.environ.get("SHOJI_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "shoji")
    return pathlib.Path(base) / "bench"


class Layout:
    """An OCI image layout that is being written."""

    def __init__(self, path):
        self.path = path
        (path / "blobs" / "sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def blob(self, data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        (self.path / "blobs" / "sha256" / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

    def layer_from_tar(self, tar):
        """Compresses a tar file by `gzip -6 -n`; returns (descriptor, diffID)."""
        sums = [hashlib.sha256(), hashlib.sha256()]
        part = self.path / "part"
        with open(part, "wb") as out, subprocess.Popen(["gzip", "-6", "-n", "-c", tar], stdout=subprocess.PIPE) as zipper:
            while block := zipper.stdout.read(1 << 20):
                sums[0].update(block)
                out.write(block)
        with open(tar, "rb") as plain:
            while block := plain.read(1 << 20):
                sums[1].update(block)
        digest = sums[0].hexdigest()
        size = part.stat().st_size
        part.rename(self.path / "blobs" / "sha256" / digest)
        return ({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "sha256:" + digest, "size": size},
                "sha256:" + sums[1].hexdigest())

    def finish(self, layers, diff_ids):
        config = self.blob(json.dumps({
            "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}, "history": []}).encode(),
            "application/vnd.oci.image.config.v1+json")
        manifest = self.blob(json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": layers}).encode(), "application/vnd.oci.image.manifest.v1+json")
        manifest["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
        (self.path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))


def words(source):
    """Text that compresses about as well as programs and libraries do."""
    pool = [source.randbytes(source.randint(3, 9)) for _ in range(4096)]
    return b"".join(source.choice(pool) for _ in range(400_000))


def write_big_tar(path, files, total):
    """`files` regular files in some thousand directories, `total` bytes in all; always the same ones."""
    source = random.Random(20)
    text = words(source)
    sizes = [int(source.lognormvariate(0, 1.6) * 100) for _ in range(files)]
    scale = total / sum(sizes)
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for number, size in enumerate(sizes):
            if number % 40 == 0:
                directory = f"srv/{number // 4000:02}/{number // 40:04}"
                tar.addfile(entry(directory, tarfile.DIRTYPE, 0o755))
            size = min(int(size * scale), 8 << 20)
            start = source.randrange(len(text) - 65536)
            body = (number.to_bytes(8, "big") + text[start:start + 65536] * (size // 65536 + 1))[:size]
            info = entry(f"{directory}/file{number}", tarfile.REGTYPE, 0o644)
            info.size = size
            tar.addfile(info, io.BytesIO(body))


def entry(name, kind, mode):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = kind, mode, EPOCH
    return info


def write_nginx_tar(path):
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--include=nginx-light", "--format=tar",
                    debian_suite(), str(path)], check=True, env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)})


def debian_suite():
    for line in open("/etc/os-release", encoding="ascii"):
        if line.startswith("VERSION_CODENAME="):
            return line.split("=", 1)[1].strip().strip('"')
    return "stable"


def write_small_layers(layout, count):
    """`count` layers of one small file each."""
    layers, diff_ids = [], []
    for number in range(count):
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as tar:
            info = entry(f"layer{number}", tarfile.REGTYPE, 0o644)
            body = f"this is layer {number} of {count}\n".encode()
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
        diff_ids.append("sha256:" + hashlib.sha256(plain.getvalue()).hexdigest())
        layers.append(layout.blob(gzip.compress(plain.getvalue(), 6, mtime=0),
                                  "application/vnd.oci.image.layer.v1.tar+gzip"))
    layout.finish(layers, diff_ids)


def make(name):
    """The path of the layout `name`: nginx, big, or layers-N."""
    final = cache() / name
    if (final / "index.json").exists():
        return final
    part = cache() / f".{name}.{os.getpid()}"
    shutil.rmtree(part, ignore_errors=True)
    layout = Layout(part)
    try:
        if name.startswith("layers-"):
            write_small_layers(layout, int(name.removeprefix("layers-")))
        else:
            tar = part / "root.tar"
            if name == "nginx":
                write_nginx_tar(tar)
            else:
                write_big_tar(tar, 100_000, 1 << 30)
            layer, diff_id = layout.layer_from_tar(tar)
            tar.unlink()
            layout.finish([layer], [diff_id])
        part.rename(final)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return final
