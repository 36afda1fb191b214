"""Two hosts of one machine: a network namespace and a processor core each, and a cable."""

import contextlib
import fcntl
import os
import queue
import select
import shutil
import struct
import subprocess
import sys
import threading
import time

from amh_tf import errors

# Of Linux' if_tun.h: what a process that owns a network card asks the kernel for.
_TUNSETIFF, _TUNSETOFFLOAD = 0x400454CA, 0x400454D0
_CARD = 0x0002 | 0x1000 | 0x4000  # Ethernet frames, no packet information, whole segments
_WHOLE_SEGMENTS = 0x01 | 0x02 | 0x04  # checksums, TCP over IPv4 and IPv6 left to the wire
_LARGEST = 1 << 17  # bytes of a frame with its header
_BITS = 8
_LOOK = 0.2  # seconds after which a thread looks whether it is still wanted
NEEDED = ("ip", "nsenter", "unshare", "setpriv", "taskset")


def cores():
    """Returns the numbers of two cores that this process may use, the same one twice of one."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[:2][-1]


def check():
    """Checks that hosts can be made here.

    Raises:
        InputError: If they cannot.
    """
    missing = [name for name in NEEDED if not shutil.which(name)]
    if os.geteuid() or missing or not os.path.exists("/dev/net/tun"):
        raise errors.refusal(
            "Network namespaces cannot be made",
            f"Linux with /dev/net/tun, root, and the commands {', '.join(NEEDED)}",
            f"user {os.geteuid()}, " + (f"no {', '.join(missing)}" if missing else "all commands"),
            "Start the tool with sudo, or in a container with the capabilities NET_ADMIN and "
            "SYS_ADMIN and the device /dev/net/tun.",
        )


class Cores:
    """This machine, with some of its cores.

    Args:
        cores: List of cores for `taskset`, such as "0" or "0,1".
    """

    address = "127.0.0.1"

    def __init__(self, cores):
        self._cores = cores

    def command(self, *command):
        """Returns a command that runs another on these cores, and ends with this process."""
        place = ["taskset", "--cpu-list", self._cores]
        return ["setpriv", "--pdeathsig=KILL", *place, *map(str, command)]


class Host:
    """A machine of its own as far as the network goes; files are shared.

    Args:
        address: Its IPv4 address and the length of the network's prefix.
        core: Number of the processor core that its processes run on.

    Attributes:
        address: IPv4 address.
        card: File descriptor of the other end of its network card.
    """

    def __init__(self, address, core):
        self.address = address.partition("/")[0]
        self._cores = Cores(str(core))
        # A namespace lives as long as a process in it: nothing stays if this one is killed.
        self._holder = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "unshare", "--net", "sleep", "infinity"]
        )
        self._wait_for_namespace()
        name = f"host{self._holder.pid}"
        self.card = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.card, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _CARD))
        fcntl.ioctl(self.card, _TUNSETOFFLOAD, _WHOLE_SEGMENTS)
        subprocess.run(["ip", "link", "set", name, "netns", str(self._holder.pid)], check=True)
        for command in (
            f"link set {name} name eth0",
            f"address add {address} dev eth0",
            "link set eth0 up",
            "link set lo up",
        ):
            self._inside("ip", *command.split())

    def _wait_for_namespace(self):
        own, end = os.readlink("/proc/self/ns/net"), time.monotonic() + 10
        while os.readlink(f"/proc/{self._holder.pid}/ns/net") == own:
            if time.monotonic() > end or self._holder.poll() is not None:
                raise errors.refusal(
                    "A network namespace cannot be made",
                    "`unshare --net` to work",
                    f"exit code {self._holder.poll()}",
                    "Its message is above.",
                )
            time.sleep(0.01)

    def _inside(self, *command):
        subprocess.run(self.command(*command), check=True)

    def command(self, *command):
        """Returns a command that runs another on this host, and ends with this process."""
        return self._cores.command("nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *command)

    def close(self):
        """Takes the host away."""
        self._holder.kill()
        self._holder.wait()
        os.close(self.card)


class Cable:
    """What joins the network cards of two hosts.

    A process' own cable, as not every kernel has `tc`'s netem. Frames are handed on whole, as the
    kernel cuts TCP's segments only for a card that cannot, so that a gigabit a second costs a few
    percent of a core.

    Args:
        hosts: Two `Host`s.
        bits_a_second: Rate of each direction.
        delay: Seconds from one end to the other.

    Attributes:
        is_cut: Whether all frames are lost.
        num_bytes: Bytes that each host has sent.
    """

    def __init__(self, hosts, bits_a_second, delay):
        self._rate, self._delay = bits_a_second, delay
        self.is_cut = False
        self.num_bytes = [0, 0]
        self._is_open = True
        self._threads = []
        cards = [host.card for host in hosts]
        for number, (source, target) in enumerate((cards, cards[::-1])):
            frames = queue.SimpleQueue()
            for function, *arguments in (
                (self._take, source, frames, number),
                (self._deliver, target, frames),
            ):
                thread = threading.Thread(target=function, args=arguments, daemon=True)
                thread.start()
                self._threads.append(thread)

    def close(self):
        """Takes the cable away; before its hosts, whose cards' descriptors are then used anew."""
        self._is_open = False
        for thread in self._threads:
            thread.join()

    def cut(self, seconds=None):
        """Loses all frames for some seconds, or from now on."""
        self.is_cut = True
        if seconds is not None:
            time.sleep(seconds)
            self.is_cut = False

    def _take(self, card, frames, number):
        """Notes when each frame that a host sends has arrived at the other."""
        free = 0.0  # when the sender's end is
        while self._is_open:
            if not select.select([card], [], [], _LOOK)[0]:
                continue
            frame = os.read(card, _LARGEST)
            free = max(free, time.monotonic()) + len(frame) * _BITS / self._rate
            if not self.is_cut:
                self.num_bytes[number] += len(frame)
                frames.put((free + self._delay, frame))
        frames.put((0.0, None))

    def _deliver(self, card, frames):
        while True:
            due, frame = frames.get()
            if frame is None:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            with contextlib.suppress(OSError):  # of a host that has just gone
                if not self.is_cut:
                    os.write(card, frame)


# One end of a TCP connection each: echoes of a byte, and as many bytes as pass in some seconds.
_ANSWER = """
import socket
with socket.create_server(("", 5001)) as server:
    connection, _ = server.accept()
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for _ in range(20):
    connection.sendall(connection.recv(1))
while connection.recv(1 << 20):
    pass
"""
_ASK = """
import socket, sys, time
end = time.monotonic() + 10
while True:
    try:
        connection = socket.create_connection((sys.argv[1], 5001))
        break
    except ConnectionRefusedError:
        if time.monotonic() > end:
            raise
        time.sleep(0.05)
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
delays = []
for _ in range(20):
    start = time.monotonic()
    connection.sendall(b"?")
    connection.recv(1)
    delays.append(time.monotonic() - start)
start, block = time.monotonic(), bytes(1 << 20)
for _ in range(100):
    connection.sendall(block)
connection.shutdown(socket.SHUT_WR)
connection.recv(1)
print(8 * 100 * len(block) / (time.monotonic() - start), sorted(delays)[10])
"""


def measure(hosts):
    """Returns the bits a second between two hosts, and the seconds there and back."""
    answering = subprocess.Popen(
        hosts[1].command(sys.executable, "-c", _ANSWER), stdout=subprocess.DEVNULL
    )
    ask = hosts[0].command(sys.executable, "-c", _ASK, hosts[1].address)
    try:
        asked = subprocess.run(ask, check=True, text=True, stdout=subprocess.PIPE)
    finally:
        answering.kill()
        answering.wait()
    rate, delay = map(float, asked.stdout.split())
    return rate, delay


@contextlib.contextmanager
def pair(bits_a_second=1e9, delay=1e-3):
    """Gives two hosts of one core each, and the cable between them, for the block.

    Args:
        bits_a_second, delay: As for `Cable`.

    Yields:
        List of two `Host`s, and the `Cable`.
    """
    hosts = []
    try:
        for number, core in enumerate(cores()):
            hosts.append(Host(f"198.18.0.{number + 1}/30", core))
        cable = Cable(hosts, bits_a_second, delay)
        try:
            yield hosts, cable
        finally:
            cable.close()
    finally:
        for host in hosts:
            host.close()
