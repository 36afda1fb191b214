"""Stopping between two steps, and not in the middle of one."""

import contextlib
import signal
import threading


class Interruption:
    """Remembers that the process was asked to stop.

    Attributes:
        signal: The signal that asked, or None.
    """

    def __init__(self):
        self.signal = None

    def __bool__(self):
        return self.signal is not None

    def leave(self):
        """Ends the process as the signal asks: 143 after SIGTERM, 130 after Ctrl-C."""
        if self.signal == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
        raise KeyboardInterrupt


@contextlib.contextmanager
def watch():
    """Yields an `Interruption` that handles SIGTERM and the first Ctrl-C.

    A second Ctrl-C stops at once. Outside the main thread, where Python cannot handle
    signals, nothing is ever taken in.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    def ask(number, _):
        interruption.signal = number
        signal.signal(signal.SIGINT, signal.default_int_handler)

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
