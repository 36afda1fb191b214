"""Extracts features by Apache Beam on Dask, one worker of which is killed."""

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

from tools import shared

PORT = 8786
CORPUS = shared.ROOT / "tests" / "demo_corpus"
_TOO_LONG = 900  # seconds


def is_available():
    """Returns whether Beam and Dask are installed."""
    return all(map(importlib.util.find_spec, ("apache_beam", "dask", "distributed")))


def contents(folder):
    """Returns the bytes of each file of a data folder by name."""
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def extract(machine, output, corpus, *flags):
    """Starts `python -m amh_tf.prepare` on a machine; returns its process."""
    output.parent.mkdir(parents=True, exist_ok=True)
    command = ["-m", "amh_tf.prepare", "--source=iemocap", f"--source_dir={corpus}"]
    command += ["--labels=low=sad+neu+fru,high=ang+exc+hap+sur", "--resnet_weights=random"]
    return _start(machine, f"{output}.log", *command, f"--output_dir={output}", *flags)


def by_dask(hosts, output, corpus, kills=True):
    """Extracts with a worker on each host, and kills one once a first group is done.

    Args:
        hosts: Two `network.Host`s; scheduler and command run on the first.
        output: `Path` of the data folder to write.
        corpus: Folder of an IEMOCAP release.
        kills: Whether the second worker is killed.

    Returns:
        Exit code of the command, and how many groups were done when the worker was killed.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    scheduler = f"tcp://{hosts[0].address}:{PORT}"
    dask, plain = "distributed.cli.dask_", ["--no-dashboard"]
    at = ["--host", hosts[0].address, "--port", PORT]
    processes = [_start(hosts[0], f"{output}.scheduler.log", "-m", f"{dask}scheduler", *at, *plain)]
    try:
        for number, host in enumerate(hosts):
            # No nanny, which would start a killed worker again; a thread for each core.
            own = [scheduler, "--no-nanny", "--nthreads", 1, "--host", host.address, *plain]
            own += ["--local-directory", f"{output}.worker{number}"]
            log = f"{output}.worker{number}.log"
            processes.append(_start(host, log, "-m", f"{dask}worker", *own))
        # A partition for each group: what a worker has begun is all that is lost with it.
        options = f"--dask_client_address={scheduler} --dask_partition_size=1"
        flags = ["--runner=DaskRunner", f"--beam_options={options}"]
        command = extract(hosts[0], output, corpus, *flags)
        processes.append(command)
        done = _wait_for_group(command, output) if kills else 0
        if kills:
            processes[2].kill()
        return command.wait(_TOO_LONG), done
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _start(machine, log, *arguments):
    with open(log, "a", encoding="utf-8") as file:
        return subprocess.Popen(
            machine.command(sys.executable, *arguments),
            env={**os.environ, "PYTHONPATH": str(shared.ROOT)},
            stdout=file,
            stderr=file,
        )


def _wait_for_group(command, output):
    """Waits until a group's file is there; returns how many are."""
    while command.poll() is None:
        done = len(list(Path(f"{output}.work").glob("*.tfrecord")))
        if done:
            return done
        time.sleep(0.05)
    return 0
