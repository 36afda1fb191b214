"""Training one model on several devices or machines at once."""

import contextlib
import functools

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

from amh_tf import errors
from amh_tf.data import shares
from amh_tf.training import workers

# Seconds without a sign of life after which a worker is lost. TensorFlow's own 10 ended a training
# whenever a machine had too much to do, or a cable was pulled and put back.
PATIENCE = 60
_ABORTED = "Collective ops is aborted by: "


def make_team(name="none"):
    """Makes the team of a distribution. Nothing may have used TensorFlow before.

    Args:
        name: "none" for a single device; "mirrored" for all GPUs of this machine, or its
            logical CPU devices where it has none; "multi_worker" for the workers that the
            environment variable TF_CONFIG names, all of which must run this.

    Returns:
        `Team`.

    Raises:
        ValueError: If the name is unknown, or TF_CONFIG is missing or damaged.
    """
    is_chief = workers.is_chief(name)
    if name == "multi_worker":
        with _patience():
            return Team(tf.distribute.MultiWorkerMirroredStrategy(), is_chief)
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return Team(tf.distribute.MirroredStrategy([device.name for device in devices]))
    return Team(tf.distribute.get_strategy())


@contextlib.contextmanager
def _patience():
    """Sets how long the workers of a strategy that is made in the block wait for one another."""
    # No function of TensorFlow's interface sets it; the strategy calls this one.
    runtime = context.context()
    configure = runtime.configure_coordination_service
    runtime.configure_coordination_service = functools.partial(
        configure, heartbeat_timeout_in_ms=1000 * PATIENCE
    )
    try:
        yield
    finally:
        runtime.configure_coordination_service = configure


class Team:
    """The devices, on one or several machines, that train a model together.

    Every worker runs the same commands in the same order; what one does alone must not ask
    the others for anything.

    Args:
        strategy: `tf.distribute.Strategy`.
        is_chief: Whether this worker writes the run's folder.

    Attributes:
        strategy, is_chief: As given.
        share: `shares.Share` of each batch that this worker computes, or None for all.
    """

    def __init__(self, strategy, is_chief=True):
        self.strategy = strategy
        self.is_chief = is_chief
        self._sum = tf.function(self._sum_over_replicas)
        self.share = self._own_share() if self._is_spread else None

    def _own_share(self):
        def number():
            return tf.identity(tf.distribute.get_replica_context().replica_id_in_sync_group)

        numbers = tf.function(lambda: self.strategy.run(number))()
        local = [int(one) for one in self.strategy.experimental_local_results(numbers)]
        return shares.Share(min(local), len(local), self.strategy.num_replicas_in_sync)

    @property
    def _is_spread(self):
        return isinstance(self.strategy, tf.distribute.MultiWorkerMirroredStrategy)

    def _sum_over_replicas(self, values):
        def one(values):
            replica = tf.distribute.get_replica_context()
            # The chief's first device holds the first replica.
            chosen = tf.equal(replica.replica_id_in_sync_group, 0)
            return replica.all_reduce("SUM", tf.where(chosen, values, tf.zeros_like(values)))

        return self.strategy.experimental_local_results(self.strategy.run(one, (values,)))[0]

    def from_chief(self, values):
        """Gives every worker the chief's numbers, and waits until all have asked.

        Args:
            values: Sequence of numbers; of as many numbers on every worker.

        Returns:
            The chief's, as a float64 array.
        """
        values = np.asarray(values, np.float64)
        if not self._is_spread:
            return values
        return self._sum(tf.constant(values)).numpy()

    @contextlib.contextmanager
    def naming_losses(self):
        """Turns TensorFlow's error for a worker that has gone into one that says what to do.

        Raises:
            ConnectionError: If another worker has ended or cannot be reached.
        """
        try:
            yield
        except tf.errors.OpError as error:
            _, is_loss, reason = error.message.partition(_ABORTED)
            if not is_loss:
                raise
            refusal = errors.refusal(
                "Another worker has ended or cannot be reached",
                f"all workers to answer within {PATIENCE} seconds",
                reason.splitlines()[0].rstrip(".")[:200],
                "See its output for the reason, and start all workers again with the same command: "
                "they continue from the last checkpoint.",
            )
            raise ConnectionError(str(refusal)) from error

    def wait(self):
        """Waits until all workers have come this far."""
        self.from_chief([0])
