"""The bundles that bench/start measures with: the default config of `runc spec`, and small changes of it."""

import copy
import json
import os
import pathlib
import shutil

HERE = pathlib.Path(__file__).parent

# docker's documentation, "Runtime privilege and Linux capabilities": what a container has by default.
DOCKER_CAPABILITIES = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"]


def docker_seccomp():
    """Reads docker_syscalls.txt, whose head explains its sections, into a `linux.seccomp` object."""
    allowed, rules, section = [], [], None
    for line in (HERE / "docker_syscalls.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith("["):
            section = words[0]
        elif section == "[allow]":
            allowed += words
        elif section == "[compare]":
            name, index, operator, *values = words
            arg = {"index": int(index), "value": int(values[0]), "op": operator}
            if len(values) == 2:
                arg["valueTwo"] = int(values[1])
            rules.append({"names": [name], "action": "SCMP_ACT_ALLOW", "args": [arg]})
        elif section == "[errno]":
            rules.append({"names": [words[0]], "action": "SCMP_ACT_ERRNO", "errnoRet": int(words[1])})
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [{"names": sorted(allowed), "action": "SCMP_ACT_ALLOW"}] + rules,
    }


def for_benchmark(spec):
    """The default config with what a benchmark cannot do without: no terminal, and the payload as program."""
    config = copy.deepcopy(spec)
    config["process"]["terminal"] = False
    config["process"]["args"] = ["/bin/true"]
    namespaces = config["linux"]["namespaces"]
    # On a host that is all cgroup v2, `runc spec` adds this one by itself.
    if not any(namespace["type"] == "cgroup" for namespace in namespaces):
        namespaces.append({"type": "cgroup"})
    return config


def with_docker_profile(config):
    config = copy.deepcopy(config)
    config["linux"]["seccomp"] = docker_seccomp()
    for name in ("bounding", "effective", "permitted"):
        config["process"]["capabilities"][name] = DOCKER_CAPABILITIES
    return config


def with_sleeper(config):
    config = copy.deepcopy(config)
    config["process"]["args"] = ["/bin/sleeper"]
    return config


def with_memory_limit(config, limit):
    config = copy.deepcopy(config)
    config["linux"]["resources"]["memory"] = {"limit": limit}
    return config


def make(spec, programs, into):
    """Writes the bundles below the directory `into`; all of them share one root file system."""
    rootfs = into / "rootfs"
    for name in ("bin", "dev", "proc", "sys"):
        (rootfs / name).mkdir(parents=True)
    for name in ("true", "sleeper"):
        shutil.copy(programs / f"bench-{name}", rootfs / "bin" / name)
    default = for_benchmark(spec)
    configs = {
        "default": default,
        "docker": with_docker_profile(default),
        "sleeper": with_sleeper(default),
        "tight": with_memory_limit(default, 512 * 1024),
    }
    for name, config in configs.items():
        bundle = into / name
        bundle.mkdir()
        config["root"]["path"] = os.path.relpath(rootfs, bundle)
        (bundle / "config.json").write_text(json.dumps(config, indent=1))
