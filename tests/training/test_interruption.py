import os
import signal

import pytest

from amh_tf.training import interruption


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_signal_is_taken_in_and_acted_on_later(number, raised):
    before = signal.getsignal(number)
    with interruption.watch() as asked:
        assert not asked
        os.kill(os.getpid(), number)
        assert asked
        with pytest.raises(raised) as error:
            asked.leave()
    if raised is SystemExit:
        assert error.value.code == 143
    assert signal.getsignal(number) is before


def test_second_interrupt_stops_at_once():
    with interruption.watch() as asked:
        os.kill(os.getpid(), signal.SIGINT)
        assert asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
