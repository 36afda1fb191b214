"""A whole run."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from amh_tf import checking, errors
from amh_tf.config.data import DataConfig
from amh_tf.config.model import KERNELS, ModelConfig
from amh_tf.config.training import TrainingConfig

MAX_SEEDS = 100


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """One run: data, model, training, and what the data set was.

    Attributes:
        data, model, training: The three parts.
        data_fingerprint: The manifest's fingerprint, so that a run is never continued or
            scored on another data set by mistake.
        seeds: Seeds of the members of an ensemble, each trained as its own run; empty for
            one model, of `training.seed`.
        kernel: What recurrences are computed with, one of `KERNELS` but "auto", to which a run
            that was begun keeps; None where that is not known.
    """

    data: DataConfig
    model: ModelConfig
    training: TrainingConfig
    data_fingerprint: str
    seeds: tuple[int, ...] = ()
    kernel: str | None = None

    def __post_init__(self):
        object.__setattr__(self, "seeds", tuple(self.seeds))
        if self.kernel is not None:
            checking.require_choice(self, "kernel", KERNELS)
        if len(set(self.seeds)) != len(self.seeds) or len(self.seeds) > MAX_SEEDS:
            raise errors.refusal(
                "`seeds` cannot be used",
                f"at most {MAX_SEEDS} different integers",
                f"seeds={','.join(map(str, self.seeds))}",
                "Set them with --seeds.",
            )
        for seed in self.seeds:
            dataclasses.replace(self.training, seed=seed)

    @property
    def variant(self) -> str:
        """What sets the run apart from others of the same model, such as "by speaker"; or ""."""
        titles = {"none": "", "global": "standardized", "speaker": "standardized by speaker"}
        parts = [titles[self.model.standardize]]
        parts += [f"{len(self.seeds)} seeds averaged"] if self.seeds else []
        parts += ["labels shuffled"] if self.training.shuffle_labels else []
        return ", ".join(filter(None, parts))

    def members(self) -> list["RunConfig"]:
        """Returns the `RunConfig` of every member of an ensemble."""
        return [
            dataclasses.replace(
                self, seeds=(), training=dataclasses.replace(self.training, seed=seed)
            )
            for seed in self.seeds
        ]

    def to_json(self) -> str:
        """Returns the configuration as indented JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "RunConfig":
        """Makes the configuration that `to_json` described.

        Raises:
            ValueError: If a field is missing, unknown or impossible.
        """
        try:
            return cls(
                data=DataConfig(**fields["data"]),
                model=ModelConfig(**fields["model"]),
                training=TrainingConfig(**fields["training"]),
                data_fingerprint=fields["data_fingerprint"],
                seeds=tuple(fields.get("seeds", ())),
                kernel=fields.get("kernel"),
            )
        except (KeyError, TypeError) as error:
            raise errors.refusal(
                "The settings are not those of a run",
                "what `amh_tf.train` of this version writes",
                f"{type(error).__name__}: {error}",
            ) from error

    def differences(self, other: "RunConfig") -> list[tuple[str, Any, Any]]:
        """Lists the settings in which another run differs.

        Where the data is and how it is checked is no difference, what it holds is. With which
        kernel a run was begun is none either.

        Returns:
            List of (name, own value, other's value), in the order of the fields.
        """
        different = []
        for part in ("data", "model", "training"):
            own, others = (dataclasses.asdict(getattr(run, part)) for run in (self, other))
            different += [
                (name, own[name], others[name])
                for name in own
                if own[name] != others[name] and name not in ("data_dir", "verify")
            ]
        if self.seeds != other.seeds:
            different.append(("seeds", self.seeds, other.seeds))
        if self.data_fingerprint != other.data_fingerprint:
            different.append(("data_fingerprint", self.data_fingerprint, other.data_fingerprint))
        return different
