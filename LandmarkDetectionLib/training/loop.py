"""The training loop: one process or many through Lightning Fabric, resumable at any moment."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from LandmarkDetectionLib._renamed import names_of_before
from LandmarkDetectionLib.errors import Cancelled, InputError, MissingPackageError, OutputError, TrainingError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.networks.arithmetic import computes_bfloat16
from LandmarkDetectionLib.training.config import LoopConfig
from LandmarkDetectionLib.typing import Progress
from LandmarkDetectionLib.wording import counted

Drawn = TypeVar("Drawn", covariant=True)
Config = TypeVar("Config", bound=LoopConfig)

#: So many steps without a finite loss or gradient in a row are no accident.
DIVERGED_AFTER = 20
RESTARTS = 3


def fit(
    config: LoopConfig,
    out: str | Path,
    *,
    make_task: Callable[[], Any],
    stream: Numbered[Any],
    held_out: Callable[[], list[Any]],
    names: tuple[str, ...],
    resume: bool = True,
    device: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """The loop of every training: see ``train``.

    A step whose loss or gradient is not finite is left out. When ``DIVERGED_AFTER`` follow one another, the
    training goes back to its last checkpoint with half the learning rate, ``RESTARTS`` times at most.

    Parameters
    ----------
    make_task : callable
        Networks with losses, measures and pictures; see ``training.supervised.task.HeatmapTask``.
        Called after seeding.
    stream : Numbered
        Training batches by number.
    held_out : callable
        Batches that are only measured.

    Raises
    ------
    TrainingError
        When the training keeps diverging.
    """
    try:
        from lightning_fabric import Fabric
        from torch.utils.tensorboard import SummaryWriter  # noqa: F401
    except ImportError as error:
        raise MissingPackageError.of("Training", str(error.name), "train") from None
    import torch

    folder = open_run(Path(out), config, resume)
    torch.manual_seed(config.seed)
    precision: Any = _precision(config, device)
    fabric = Fabric(accelerator=device, devices=devices, num_nodes=num_nodes, precision=precision)
    fabric.launch()
    learner = _Learner(config, fabric, make_task(), folder / "checkpoint.pt", names)
    measured = held_out()
    log = _Log(config, folder, learner, measured, progress) if fabric.is_global_zero else None

    def batches_from(step: int) -> Iterator[Any]:
        numbers = (n * fabric.world_size + fabric.global_rank for n in range(step, config.steps))
        return prefetch(stream, numbers) if fabric.device.type == "cuda" else map(stream.batch, numbers)

    batches = batches_from(learner.step)
    try:
        while learner.step < config.steps:
            losses = learner.learn(next(batches))
            if learner.bad == DIVERGED_AFTER:
                learner.go_back()
                batches = batches_from(learner.step)
                if progress is not None:
                    progress(
                        learner.step / config.steps,
                        f"diverged; going on from step {learner.step} with half the rate",
                    )
                continue
            learner.step += 1
            if log is not None:
                log.after_step(losses)
            if cancelled is not None and cancelled():
                if log is not None:
                    learner.save()
                raise Cancelled(
                    f"Training stopped after step {learner.step} of {config.steps}; run it again to go on."
                )
    finally:
        if log is not None:
            log.writer.close()
    return learner.checkpoint


def _precision(config: LoopConfig, device: str) -> str:
    """What "auto" means here."""
    import torch

    if config.precision != "auto":
        return config.precision
    if device in ("auto", "gpu"):
        # Its usual build for Linux names CUDA where there is no card, too.
        here = hasattr(torch, "accelerator") and torch.accelerator.is_available()
        found = torch.accelerator.current_accelerator() if here else None
        device = found.type if found is not None else "cuda" if torch.cuda.is_available() else "cpu"
    return "bf16-mixed" if computes_bfloat16(device) else "32-true"


class _Learner:
    """Networks, their optimiser and how far they are; goes on from the checkpoint where there is one."""

    def __init__(
        self, config: LoopConfig, fabric: Any, task: Any, checkpoint: Path, names: tuple[str, ...]
    ) -> None:
        import torch

        self.config, self.fabric, self.task = config, fabric, task
        self.checkpoint, self.names = checkpoint, names
        self.optimiser = _optimiser(task, config)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda step: learning_rate_factor(step, config)
        )
        swa = torch.optim.swa_utils
        self.averaged: Any = None
        if config.averaging:
            average = swa.get_ema_multi_avg_fn(config.averaging)
            self.averaged = swa.AveragedModel(task, multi_avg_fn=average, use_buffers=True).to(fabric.device)
        self.model, self.wrapped = fabric.setup(task, self.optimiser)
        self.step, self.rate, self.restarts, self.bad = 0, 1.0, 0, 0
        if checkpoint.exists():
            self.restore()
        else:
            # What a diverging training goes back to.
            if fabric.is_global_zero:
                self.save()
            fabric.barrier()

    @property
    def best(self) -> Any:
        """The task with averaged weights, where they are kept."""
        return self.task if self.averaged is None else self.averaged.module

    @property
    def learning_rate(self) -> float:
        return float(self.schedule.get_last_lr()[0] * self.rate)

    def learn(self, batch: Any) -> dict[str, Any]:
        """One step of the weights, unless a loss or gradient is not finite; the losses by name."""
        import torch

        self.model.train()
        images, targets = self.task.prepare(batch)
        losses = self.task.losses(self.model(images), targets)
        total = sum(losses.values(), start=torch.zeros((), device=self.fabric.device))
        finite = bool(torch.isfinite(total))
        if finite:
            self.fabric.backward(total)
            norm = self.fabric.clip_gradients(
                self.model, self.wrapped, max_norm=self.config.clip_gradient, error_if_nonfinite=False
            )
            finite = norm is None or bool(torch.isfinite(norm))
        # One bad batch must not spoil the weights; the next one is as good.
        if finite:
            for group in self.optimiser.param_groups:
                group["lr"] = self.learning_rate
            self.wrapped.step()
            self.schedule.step()
            if self.averaged is not None:
                self.averaged.update_parameters(self.task)
        self.bad = 0 if finite else self.bad + 1
        self.optimiser.zero_grad()
        return {name: value.detach() for name, value in losses.items()}

    def go_back(self) -> None:
        """Back to the last checkpoint with half the learning rate; TrainingError when it was tried enough."""
        self.restarts += 1
        if self.restarts > RESTARTS:
            raise TrainingError(
                f"Training diverged at step {self.step} (the loss is not finite) also at smaller learning "
                "rates; check the data, or choose a smaller learning rate."
            )
        self.restore()
        self.rate, self.bad = self.rate / 2, 0

    def save(self) -> None:
        import torch

        state = {
            "step": self.step,
            "names": list(self.names),
            "task": self.task.state_dict(),
            "averaged": self.averaged.state_dict() if self.averaged is not None else {},
            "optimiser": self.optimiser.state_dict(),
            "schedule": {k: v for k, v in self.schedule.state_dict().items() if k != "lr_lambdas"},
            "torch_random": torch.get_rng_state(),
        }
        with atomic_write(self.checkpoint) as temporary:
            torch.save(state, temporary)

    def restore(self) -> None:
        import torch

        state = torch.load(self.checkpoint, map_location=self.fabric.device, weights_only=True)
        self.task.load_state_dict(state["task"])
        if self.averaged is not None:
            self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        # Functions are not stored; None keeps the schedule's own.
        self.schedule.load_state_dict({**state["schedule"], "lr_lambdas": [None]})
        torch.set_rng_state(state["torch_random"].cpu())
        self.step = int(state["step"])


class _Log:
    """What the first process says and writes: scalars, progress, measures of held-out images."""

    def __init__(
        self,
        config: LoopConfig,
        folder: Path,
        learner: _Learner,
        measured: list[Any],
        progress: Progress | None,
    ) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.config, self.folder, self.learner, self.measured = config, folder, learner, measured
        self.progress = progress
        self.writer = SummaryWriter(str(folder / "log"))
        self.started = self.saved = time.monotonic()
        self.first_step = learner.step

    def after_step(self, losses: dict[str, Any]) -> None:
        step, config = self.learner.step, self.config
        last = step == config.steps
        if step % 20 == 0:
            for name, value in losses.items():
                self.writer.add_scalar(f"loss/{name}", float(value), step)
            self.writer.add_scalar("learning rate", self.learner.learning_rate, step)
        if self.progress is not None:
            elapsed = time.monotonic() - self.started
            left = elapsed / max(1, step - self.first_step) * (config.steps - step)
            text = ", ".join(f"{name} {float(value):.3f}" for name, value in losses.items())
            self.progress(
                step / config.steps, f"step {step}/{config.steps}, {text}, {left / 60:.0f} min left"
            )
        if self.measured and (step % config.validate_every == 0 or last):
            _validate(self.learner.best, self.measured, step, self.folder, self.writer)
        if time.monotonic() - self.saved > 60 * config.checkpoint_minutes or last:
            self.learner.save()
            self.saved = time.monotonic()


def read_run(run: str | Path, kind: type[Config]) -> tuple[Config, dict[str, Any]]:
    """Config and checkpoint of a run that was trained to its end.

    Raises
    ------
    InputError
        When the folder holds no finished run.
    """
    import torch

    folder = Path(run)
    try:
        config = kind.model_validate_json((folder / "config.json").read_text())
        state = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(
            f"{folder} holds no finished training run: {Path(error.filename).name} is missing."
        ) from None
    if state["step"] < config.steps:
        raise InputError(
            f"{folder} holds no finished training run: {state['step']} of {counted(config.steps, 'step')} "
            "are done; run the training again to go on."
        )
    return config, state


def load_final_weights(task: Any, state: dict[str, Any]) -> None:
    """Put the final (averaged) weights of a checkpoint into a task, in evaluation mode."""
    weights = state["averaged"] or state["task"]
    task.load_state_dict({k.removeprefix("module."): v for k, v in weights.items() if k != "n_averaged"})
    task.eval()


def learning_rate_factor(step: int, config: LoopConfig) -> float:
    """Factor of the learning rate at a step."""
    if config.schedule == "constant":
        return 1.0
    if config.schedule == "paper":
        return float(0.7943 ** (step // config.steps_per_epoch))
    warm = max(1, round(0.03 * config.steps))
    if step < warm:
        return (step + 1) / warm
    return float(0.5 * (1 + np.cos(np.pi * (step - warm) / max(1, config.steps - warm))))


class Numbered(Protocol[Drawn]):
    """Whatever gives a batch for a number."""

    def batch(self, number: int) -> Drawn: ...


def prefetch(stream: Numbered[Drawn], numbers: Iterator[int], depth: int = 4) -> Iterator[Drawn]:
    """Batches drawn in a thread of their own, so that a GPU never waits; drawing releases Python's lock."""
    waiting: queue.Queue[Drawn | BaseException | None] = queue.Queue(depth)
    stopped = threading.Event()

    def draw() -> None:
        try:
            for number in numbers:
                if stopped.is_set():
                    return
                waiting.put(stream.batch(number))
            waiting.put(None)
        except BaseException as error:
            waiting.put(error)

    thread = threading.Thread(target=draw, daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        with suppress(queue.Empty):
            while True:
                waiting.get_nowait()


def open_run(folder: Path, config: BaseModel, resume: bool) -> Path:
    """Make the folder of a run, or recognise one with the same config.

    Raises
    ------
    InputError
        It holds a run with other settings or of other data, or one that must not be resumed.
    OutputError
        It cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stored = folder / "config.json"
        text = config.model_dump_json(indent=2)
        if stored.exists():
            if not _same(stored.read_text(), config):
                raise InputError(
                    f"{folder} holds a run with other settings or other data; choose another folder or the "
                    "same settings."
                )
            if not resume:
                raise InputError(f"{folder} holds a run already; resume it or choose another folder.")
        else:
            with atomic_write(stored) as temporary:
                Path(temporary).write_text(text)
    except OSError as error:
        raise OutputError(f"The run folder {folder} cannot be written: {error.strerror}.") from None
    return folder


def _same(stored: str, config: BaseModel) -> bool:
    """Whether a stored config, maybe of before a setting was there, is this one."""
    try:
        return type(config).model_validate_json(stored) == config
    except ValidationError:
        return False


def _optimiser(task: Any, config: LoopConfig) -> Any:
    import torch

    rate, decay = config.learning_rate, config.weight_decay
    if config.optimiser == "sgd":
        return torch.optim.SGD(
            task.parameters(), lr=rate, momentum=config.momentum, nesterov=config.nesterov, weight_decay=decay
        )
    kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return kind(task.parameters(), lr=rate, weight_decay=decay)


def _validate(task: Any, batches: list[Any], step: int, folder: Path, writer: Any) -> None:
    """Errors on held-out images as scalars and a line of metrics.jsonl, and a picture of predictions."""
    import torch

    task.eval()
    measured = [task.measure(batch) for batch in batches]
    metrics: dict[str, float] = {"step": step}
    for name in measured[0]:
        values = torch.cat([m[name] for m in measured])
        metrics[name] = float(values.mean())
        metrics[f"{name}, median"] = float(values.median())
        writer.add_scalar(f"held out/{name}", metrics[name], step)
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(metrics) + "\n")
    picture = task.picture(batches[0])
    (folder / "pictures").mkdir(exist_ok=True)
    from PIL import Image

    with atomic_write(folder / "pictures" / f"step-{step:07d}.png") as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")
    writer.add_image("held out", picture, step, dataformats="HWC")


__getattr__ = names_of_before(__name__)
