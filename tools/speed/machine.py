"""What a measurement ran on."""

import importlib.metadata
import os
import platform
import time

# Share of the cores that others may use before the figures are not to be trusted.
BUSY_LOAD = 0.15


def busy_cores(seconds=1.0):
    """Measures how many cores are busy right now; the load average lags by minutes."""

    def read():
        with open("/proc/stat", encoding="ascii") as file:
            fields = [int(value) for value in file.readline().split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    total, idle = read()
    time.sleep(seconds)
    total_after, idle_after = read()
    passed = max(total_after - total, 1)
    return len(os.sched_getaffinity(0)) * (1 - (idle_after - idle) / passed)


def describe():
    """Describes processor and software, without names that tell machines apart."""
    described = {"cores": len(os.sched_getaffinity(0)), "python": platform.python_version()}
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        text = file.read()
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    wanted = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16")
    described["instructions"] = [name for name in wanted if name in flags]
    for name in ("tensorflow", "keras", "numpy", "torch"):
        try:
            described[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            described[name] = None
    return described


def warning(busy, when):
    """Says that the machine is not idle, or returns None where it is."""
    cores = len(os.sched_getaffinity(0))
    if busy <= BUSY_LOAD * cores:
        return None
    return f"The machine was not idle {when}: {busy:.1f} of {cores} cores were busy."
