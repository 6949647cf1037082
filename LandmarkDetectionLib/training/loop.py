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
from pydantic import ValidationError

from LandmarkDetectionLib._renamed import names_of_before
from LandmarkDetectionLib.errors import Cancelled, InputError, MissingPackageError, OutputError, TrainingError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.training.config import LoopConfig
from LandmarkDetectionLib.typing import Progress

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
    held_back: Callable[[], list[Any]],
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
        Networks with losses, measures and pictures; see ``training.synthetic.tasks.Task``. Called after
        seeding.
    stream : Numbered
        Training batches by number.
    held_back : callable
        Batches that are only measured.

    Raises
    ------
    TrainingError
        When the training keeps diverging.
    """
    try:
        from lightning_fabric import Fabric
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingPackageError.of("Training", str(error.name), "train") from None
    import torch

    folder = open_run(Path(out), config, resume)
    torch.manual_seed(config.seed)
    precision: Any = config.precision
    if precision == "auto":
        precision = "bf16-mixed"
    fabric = Fabric(
        accelerator={"auto": "auto", "cuda": "cuda", "cpu": "cpu"}[device],
        devices=devices,
        num_nodes=num_nodes,
        precision=precision,
    )
    fabric.launch()
    task = make_task()
    optimiser = _optimiser(task, config)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: learning_rate_factor(step, config))
    averaged = (
        torch.optim.swa_utils.AveragedModel(
            task, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.averaging), use_buffers=True
        ).to(fabric.device)
        if config.averaging
        else None
    )
    model, wrapped = fabric.setup(task, optimiser)
    step, rate, restarts, bad = 0, 1.0, 0, 0
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        step = _restore(checkpoint, task, averaged, optimiser, schedule, fabric.device)
    else:
        # What a diverging training goes back to.
        if fabric.is_global_zero:
            _save(checkpoint, 0, task, averaged, optimiser, schedule, names)
        fabric.barrier()

    measured = held_back()
    writer = SummaryWriter(str(folder / "log")) if fabric.is_global_zero else None
    started, first_step, saved = time.monotonic(), step, time.monotonic()

    def batches_from(step: int) -> Iterator[Any]:
        numbers = (n * fabric.world_size + fabric.global_rank for n in range(step, config.steps))
        return prefetch(stream, numbers) if fabric.device.type == "cuda" else map(stream.batch, numbers)

    batches = batches_from(step)
    try:
        while step < config.steps:
            batch = next(batches)
            model.train()
            images, targets = task.prepare(batch)
            losses = task.losses(model(images), targets)
            total = sum(losses.values(), start=torch.zeros((), device=fabric.device))
            finite = bool(torch.isfinite(total))
            if finite:
                fabric.backward(total)
                norm = fabric.clip_gradients(
                    model, wrapped, max_norm=config.clip_gradient, error_if_nonfinite=False
                )
                finite = norm is None or bool(torch.isfinite(norm))
            # One bad batch must not spoil the weights; the next one is as good.
            if finite:
                for group in optimiser.param_groups:
                    group["lr"] = schedule.get_last_lr()[0] * rate
                wrapped.step()
                schedule.step()
                if averaged is not None:
                    averaged.update_parameters(task)
            bad = 0 if finite else bad + 1
            optimiser.zero_grad()
            if bad == DIVERGED_AFTER:
                restarts += 1
                if restarts > RESTARTS:
                    raise TrainingError(
                        f"Training diverged at step {step} (the loss is not finite) also at smaller learning "
                        "rates; check the data, or choose a smaller learning rate."
                    )
                step = _restore(checkpoint, task, averaged, optimiser, schedule, fabric.device)
                rate, bad = rate / 2, 0
                batches = batches_from(step)
                if progress is not None:
                    progress(step / config.steps, f"diverged; going on from step {step} with half the rate")
                continue
            losses = {name: value.detach() for name, value in losses.items()}
            step += 1
            if writer is not None:
                if step % 20 == 0:
                    for name, value in losses.items():
                        writer.add_scalar(f"loss/{name}", float(value), step)
                    writer.add_scalar("learning rate", schedule.get_last_lr()[0] * rate, step)
                if progress is not None:
                    elapsed = time.monotonic() - started
                    left = elapsed / max(1, step - first_step) * (config.steps - step)
                    text = ", ".join(f"{name} {float(value):.3f}" for name, value in losses.items())
                    progress(
                        step / config.steps, f"step {step}/{config.steps}, {text}, {left / 60:.0f} min left"
                    )
                if measured and (step % config.validate_every == 0 or step == config.steps):
                    best = averaged.module if averaged is not None else task
                    _validate(best, measured, step, folder, writer)
                if time.monotonic() - saved > 60 * config.checkpoint_minutes or step == config.steps:
                    _save(checkpoint, step, task, averaged, optimiser, schedule, names)
                    saved = time.monotonic()
            if cancelled is not None and cancelled():
                if writer is not None:
                    _save(checkpoint, step, task, averaged, optimiser, schedule, names)
                raise Cancelled(
                    f"Training stopped after step {step} of {config.steps}; run it again to go on."
                )
    finally:
        if writer is not None:
            writer.close()
    return checkpoint


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
            f"{folder} holds no finished training run: {state['step']} of {config.steps} steps are done; "
            "run the training again to go on."
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


def open_run(folder: Path, config: LoopConfig, resume: bool) -> Path:
    """Make the folder of a run, or recognise one with the same config.

    Raises
    ------
    InputError
        It holds a run with other settings, or one that must not be resumed.
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
                    f"{folder} holds a run with other settings; choose another folder or the same settings."
                )
            if not resume:
                raise InputError(f"{folder} holds a run already; resume it or choose another folder.")
        else:
            with atomic_write(stored) as temporary:
                Path(temporary).write_text(text)
    except OSError as error:
        raise OutputError(f"The run folder {folder} cannot be written: {error.strerror}.") from None
    return folder


def _same(stored: str, config: LoopConfig) -> bool:
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


def _save(
    path: Path, step: int, task: Any, averaged: Any, optimiser: Any, schedule: Any, names: tuple[str, ...]
) -> None:
    import torch

    state = {
        "step": step,
        "names": list(names),
        "task": task.state_dict(),
        "averaged": averaged.state_dict() if averaged is not None else {},
        "optimiser": optimiser.state_dict(),
        "schedule": {k: v for k, v in schedule.state_dict().items() if k != "lr_lambdas"},
        "torch_random": torch.get_rng_state(),
    }
    with atomic_write(path) as temporary:
        torch.save(state, temporary)


def _restore(path: Path, task: Any, averaged: Any, optimiser: Any, schedule: Any, device: Any) -> int:
    import torch

    state = torch.load(path, map_location=device, weights_only=True)
    task.load_state_dict(state["task"])
    if averaged is not None:
        averaged.load_state_dict(state["averaged"])
    optimiser.load_state_dict(state["optimiser"])
    # Functions are not stored; None keeps the schedule's own.
    schedule.load_state_dict({**state["schedule"], "lr_lambdas": [None]})
    torch.set_rng_state(state["torch_random"].cpu())
    return int(state["step"])


def _validate(task: Any, batches: list[Any], step: int, folder: Path, writer: Any) -> None:
    """Errors on held-back images as scalars and a line of metrics.jsonl, and a picture of predictions."""
    import torch

    task.eval()
    measured = [task.measure(batch) for batch in batches]
    metrics: dict[str, float] = {"step": step}
    for name in measured[0]:
        values = torch.cat([m[name] for m in measured])
        metrics[name] = float(values.mean())
        metrics[f"{name}, median"] = float(values.median())
        writer.add_scalar(f"held back/{name}", metrics[name], step)
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(metrics) + "\n")
    picture = task.picture(batches[0])
    (folder / "pictures").mkdir(exist_ok=True)
    from PIL import Image

    with atomic_write(folder / "pictures" / f"step-{step:07d}.png") as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")
    writer.add_image("held back", picture, step, dataformats="HWC")


__getattr__ = names_of_before(__name__)
