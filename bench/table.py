"""Prints what bench/measure wrote as the tables that README.md explains."""

import os

COLUMNS = [  # verb as in the driver's cases, heading
    ("run-default", "run"),
    ("run-docker", "run, docker"),
    ("cycle", "create+start+delete"),
    ("exec", "exec"),
    ("force", "delete --force"),
]


def rows_of(path):
    return [line.split("\t") for line in path.read_text().splitlines()]


def read_times(path):
    """{(verb, name): (median, p10, p90) in milliseconds, or the text of what did not work}"""
    times = {}
    for case, *values in rows_of(path):
        verb, name = case.split(":", 1)
        if values[0].startswith("failed"):
            times[verb, name] = values[0]
        else:
            times[verb, name] = tuple(int(value) / 1000 for value in values)
    return times


def grid(heading, names, cells, labels):
    """One table: a row for each name, a column for each of `cells`, which are (heading, function of the name)."""
    lines = [[heading] + [title for title, _ in cells]]
    lines += [[labels[name]] + [cell(name) for _, cell in cells] for name in names]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        print("  ".join([line[0].ljust(widths[0])] + [text.rjust(width) for text, width in zip(line[1:], widths[1:])]))
    print()


def show(out, sizes, tight, rounds):
    times = read_times(out / "times")
    peaks = {name: int(value) for name, value in rows_of(out / "peaks") if value}
    labels = {"floor": "the floor"}
    for name, version in rows_of(out / "versions"):
        where = " (this host's)" if name.endswith("-here") else ""
        labels[name] = (version.replace(" version", "") or name) + where
    names = [name for name in labels if isinstance(times.get(("run-default", name)), tuple)]
    for name in labels:
        if name not in names:
            print(f"not in the tables: {labels[name]}: {times.get(('run-default', name), 'starts no container here')}")
    if "floor" not in names:
        return

    def time(verb, name):
        value = times.get((verb, name))
        return value if isinstance(value, tuple) else None

    def median(verb):
        return lambda name: f"{time(verb, name)[0]:.2f}" if time(verb, name) else "-"

    def spread(verb):
        return lambda name: "{1:.2f}-{2:.2f}".format(*time(verb, name)) if time(verb, name) else "-"

    def ratio(verb, mine):
        def cell(name):
            reference = "run-default" if (name, verb) == ("floor", "run-docker") else verb
            if not time(verb, mine) or not time(reference, name):
                return "-"
            middle, low = (time(verb, mine)[i] / time(reference, name)[i] for i in (0, 1))
            return f"{middle:.2f} ({low:.2f})"
        return cell

    memory = ("peak KiB", lambda name: str(peaks.get(name, "-")))
    size = ("size KiB", lambda name: str(sizes[name] // 1024))
    print(f"medians of {rounds} interleaved rounds, in milliseconds; load average {os.getloadavg()[0]:.1f}")
    grid("", names, [(title, median(verb)) for verb, title in COLUMNS] + [memory, size], labels)
    print("from the 10th to the 90th percentile, in milliseconds")
    grid("", names, [(title, spread(verb)) for verb, title in COLUMNS], labels)
    mine = "shoji-oci" if "shoji-oci" in names else "crun-new" if "crun-new" in names else None
    if mine:
        print(f"{labels[mine]} divided by each other: medians, and in brackets the 10th percentiles")
        grid("", [name for name in names if name != mine],
             [(title, ratio(verb, mine)) for verb, title in COLUMNS], labels)
    print("a start under a memory limit of 512 KiB, on this host's own cgroups")
    for name, answer in tight.items():
        print(f"  {labels.get(name, name)}: {answer}")
    broken = [f"{labels[name]}: {verb} {value}" for (verb, name), value in times.items() if not isinstance(value, tuple)]
    print("\n".join(broken))
    if broken or len(names) < len(labels):
        print("what was said about it:")
        print((out / "errors").read_text()[-2000:])
