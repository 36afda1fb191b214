"""Which weights are the best so far, and when to stop looking."""

import dataclasses


@dataclasses.dataclass
class EarlyStopping:
    """Keeps the best score on the dev split.

    Attributes:
        metric: Name of the score; "loss" is best when small, all others when large.
        patience: Number of validations without gain after which to stop.
        best: Best score so far, or None.
        best_step: Step at which it was reached.
        without_gain: Validations since then.
    """

    metric: str
    patience: int
    best: float | None = None
    best_step: int = 0
    without_gain: int = 0

    def update(self, score, step):
        """Takes in a validation.

        Returns:
            Whether the score is the best so far. An equal one is not: the earlier weights
            stay.
        """
        sign = -1 if self.metric == "loss" else 1
        if self.best is None or sign * score > sign * self.best:
            self.best, self.best_step, self.without_gain = score, step, 0
            return True
        self.without_gain += 1
        return False

    @property
    def exhausted(self):
        """Whether patience has run out."""
        return 0 < self.patience <= self.without_gain
