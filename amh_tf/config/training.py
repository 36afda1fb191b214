"""How a model is trained."""

import dataclasses

from amh_tf import checking, schema
from amh_tf.config import fields

# `loss` selects the smallest, the scores the largest.
SELECTION_METRICS = (*schema.SCORES, "loss")
SCHEDULES = ("constant", "cosine", "plateau")
WEIGHTS = ("best", "last", "average")
BATCH_SPLITS = ("auto", "on", "off")


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. Defaults are the authors' recipe.

    Attributes:
        clip_norm: Each gradient tensor is scaled down to it by itself.
        selection_metric: It picks the best weights on the dev split.
        class_weight: "balanced" weighs each class by its inverse frequency.
        logit_adjustment: Training adds the logarithms to the logits: rare classes are answered more
            often; 1 for all classes alike.
        schedule: See `amh_tf.training.trainer.PLATEAU`.
        warmup: The step size grows linearly; cosine alone.
        weight_decay: Biases and word vectors are left alone.
        mixup: Pairs of utterances are mixed before the last layer.
    """

    seed: int = fields.setting(
        1, "Seed of weights, dropout and order.", least=0, most=(1 << 32) - 1
    )
    learning_rate: float = fields.above_0(1e-3, "Adam's step size.")
    clip_norm: float = fields.above_0(1.0, "Norm to which each gradient tensor is clipped.")
    validation_interval: float = fields.above_0(0.3, "Epochs between validations.")
    patience: int = fields.setting(
        15,
        "Validations without gain before training stops; 0: never.",
        least=0,
        most=1 << 31,
    )
    max_epochs: int = fields.setting(
        100, "Epochs after which training stops at the latest.", least=1, most=1 << 31
    )
    max_steps: int | None = fields.setting(
        None, "Steps after which training stops at the latest.", least=1, most=1 << 31
    )
    selection_metric: str = fields.setting(
        "weighted_accuracy",
        "Score on the dev split that selects the best weights.",
        choices=SELECTION_METRICS,
    )
    class_weight: str = fields.setting(
        "none", "Weights of the classes in the loss.", choices=("none", "balanced")
    )
    logit_adjustment: float = fields.setting(
        0.0, "Times log of a class's share in the loss; 0 for none.", below=100
    )
    embedding: str = fields.setting(
        "pretrained",
        "Where word vectors start: the data set's, or random.",
        choices=("pretrained", "random"),
    )
    batch_split: str = fields.setting(
        "auto",
        "Whether a batch is computed as two halves side by side; auto: where that is faster, that "
        "is on two cores or more without the compiled kernel and without a GPU.",
        choices=BATCH_SPLITS,
    )
    schedule: str = fields.setting(
        "constant",
        "How the step size goes: cosine falls to 0 at the last step, plateau halves it where the "
        "dev score does not grow.",
        choices=SCHEDULES,
    )
    warmup: float = fields.setting(
        0.0, "Share of the steps in which the step size grows from 0.", below=1
    )
    weight_decay: float = fields.setting(
        0.0, "Share of each weight that a step subtracts, times the step size.", below=1e6
    )
    label_smoothing: float = fields.setting(
        0.0, "Share of a label that is spread over all classes.", below=1
    )
    mixup: float = fields.setting(
        0.0, "Beta distribution's parameter for mixing pairs; 0 for none.", below=1e6
    )
    weights: str = fields.setting(
        "best",
        "Which weights are kept in the end: the best on dev, the last, or an average of late ones.",
        choices=WEIGHTS,
    )
    average_share: float = fields.setting(
        0.25, "Share of the steps over which weights are averaged.", below=1
    )
    shuffle_labels: bool = fields.setting(
        False,
        "A control: train on shuffled labels, which must give scores at chance.",
    )

    def __post_init__(self):
        checking.require_settings(self)
        checking.require(
            self.warmup == 0 or self.schedule == "cosine",
            "warmup",
            "means nothing to this schedule",
            "0, or --schedule=cosine",
            self.warmup,
            "Leave --warmup out.",
        )
