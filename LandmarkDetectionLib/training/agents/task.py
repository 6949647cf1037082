"""Deep Q-learning of search agents: acting, remembering, and what networks learn of it.

Mnih et al., Human-level control through deep reinforcement learning, Nature 518 (2015); van Hasselt, Guez and
Silver, Deep reinforcement learning with double Q-learning, AAAI 2016; for landmarks Ghesu et al., IEEE TPAMI
41(1), 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.arithmetic import memory_format
from LandmarkDetectionLib.networks.q_network import ACTIONS
from LandmarkDetectionLib.training.agents.cases import AgentCase
from LandmarkDetectionLib.training.agents.config import AgentConfig
from LandmarkDetectionLib.training.agents.held_out import Searcher, found_by, picture_of
from LandmarkDetectionLib.training.agents.memory import ReplayMemory, Transitions
from LandmarkDetectionLib.training.agents.world import (
    NEAREST,
    Lesson,
    Walkers,
    World,
    opposite,
    targets,
)
from LandmarkDetectionLib.typing import Array


class StepNumbers:
    """The loop's batches: all that an agent needs to know beforehand is the number of the step."""

    def batch(self, number: int) -> int:
        """The number."""
        return number


class AgentTask(nn.Module):
    """Networks of agents, one per scale, their target networks, and what agents remember.

    Parameters
    ----------
    config
    world
        Where they walk; None for a task that only holds weights.
    start : (L, 3)
        Where they begin in cases that are measured, see ``held_out.mean_start``; the middle when None.
    """

    def __init__(self, config: AgentConfig, world: World | None = None, start: Array | None = None) -> None:
        super().__init__()
        self.config, self.world = config, world
        self.start = np.full((len(config.landmarks), 3), 0.5) if start is None else start
        architecture, parameters = config.network()
        self.networks = nn.ModuleDict(
            {key: build_network(architecture, **parameters) for key in config.keys()}
        )
        self.targets = nn.ModuleDict(
            {key: build_network(architecture, **parameters) for key in config.keys()}
        )
        self.targets.load_state_dict(self.networks.state_dict())
        self.targets.requires_grad_(False)
        self._format = memory_format(3)
        self.networks.to(memory_format=self._format)  # type: ignore[call-overload]
        self.targets.to(memory_format=self._format)  # type: ignore[call-overload]
        self.memories = [ReplayMemory(config.memory) for _ in config.cells_mm]
        self.walkers: list[Walkers] = []
        if world is not None:
            self.walkers = [Walkers(world, n, config.walkers) for n in range(len(config.cells_mm))]
            self._warm_up(world)

    # --- acting -----------------------------------------------------------------------------------------

    def prepare(self, batch: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Let agents walk a step, then draw what they remember: boxes (scales, 2 N, 1, ...) and targets.

        All randomness is of the step's number, so that a training that goes on is one that never stopped.
        """
        assert self.world is not None
        if batch and batch % self.config.target_every == 0:
            self._move_targets()
        rng = np.random.default_rng([self.config.seed, 12, batch])
        done = batch / self.config.steps
        lessons: list[Lesson] = []
        for scale, (walkers, memory) in enumerate(zip(self.walkers, self.memories, strict=True)):
            ease = max(NEAREST, min(1.0, done / self.config.curriculum)) if self.config.curriculum else 1.0
            walkers.renew(rng, ease)
            memory.add(walkers.step(self._actions(scale, walkers, self.exploration(done), rng)))
            lessons.append(self.world.lesson(scale, memory.sample(self.config.batch_size, rng)))
        device = next(self.networks.parameters()).device
        boxes = torch.from_numpy(np.stack([np.concatenate([one.before, one.after]) for one in lessons]))
        boxes = boxes[:, :, None].to(device)
        return boxes, self._targets(boxes, lessons)

    def exploration(self, done: float) -> float:
        """Share of random steps when a share of the training is done."""
        config = self.config
        gone = min(1.0, done / config.explore_share)
        return config.explore_from + (config.explore_to - config.explore_from) * gone

    def _actions(self, scale: int, walkers: Walkers, explore: float, rng: np.random.Generator) -> Any:
        chosen = rng.integers(len(ACTIONS), size=len(walkers.view))
        greedy = np.flatnonzero(rng.uniform(size=len(chosen)) >= explore)
        if len(greedy):
            assert self.world is not None
            boxes = self.world.boxes(walkers.view[greedy], walkers.place[greedy], scale)
            device = next(self.networks.parameters()).device
            network: Any = self.networks[self.config.keys()[scale]]
            with torch.no_grad(), self._autocast(device.type):
                told = network.of(
                    torch.from_numpy(boxes)[:, None].to(device),
                    torch.from_numpy(walkers.landmark[greedy]).to(device),
                )
            chosen[greedy] = told.float().argmax(dim=1).cpu().numpy()
        return chosen

    def _warm_up(self, world: World) -> None:
        """Transitions of agents that walk at random; nothing is looked at."""
        number = min(self.config.warm_up, self.config.memory)
        for scale, memory in enumerate(self.memories):
            rng = np.random.default_rng([self.config.seed, 13, scale])
            view, landmark, place = world.begin(scale, number, rng, 1.0, self.config.episode)
            memory.add(Transitions(view, landmark, place, rng.integers(len(ACTIONS), size=number)))

    # --- learning ---------------------------------------------------------------------------------------

    def _targets(self, boxes: Tensor, lessons: Sequence[Lesson]) -> dict[str, Tensor]:
        """Steps, target values and what counts, (scales, 2 N) and (scales, 2 N, L): there, then back."""
        with torch.no_grad(), self._autocast(boxes.device.type):
            later = torch.stack(
                [self.targets[key](x) for key, x in zip(self.config.keys(), boxes, strict=True)]
            ).float()
            choosing = self(boxes).float() if self.config.double else later
        best = later.gather(3, choosing.argmax(dim=3, keepdim=True))[..., 0].cpu().numpy()
        found: dict[str, list[Array]] = {"action": [], "value": [], "counts": []}
        for one, values in zip(lessons, best, strict=True):
            at_start, at_end = np.split(values, 2)
            found["action"].append(np.concatenate([one.action, opposite(one.action)]))
            there = targets(one.reward, at_end, one.ended, self.config.discount)
            back = targets(-one.reward, at_start, np.zeros_like(one.ended), self.config.discount)
            found["value"].append(np.concatenate([there, back]))
            found["counts"].append(np.concatenate([one.counts, one.counts_back]))
        device = boxes.device
        return {
            "action": torch.from_numpy(np.stack(found["action"])).to(device),
            "value": torch.from_numpy(np.stack(found["value"])).float().to(device),
            "counts": torch.from_numpy(np.stack(found["counts"])).to(device),
        }

    def forward(self, boxes: Tensor) -> Tensor:
        """Boxes (scales, N, 1, side, side, side) to values (scales, N, L, 6)."""
        return torch.stack([self.networks[key](x) for key, x in zip(self.config.keys(), boxes, strict=True)])

    def losses(self, output: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Huber's loss of the values of the steps that were taken, by scale."""
        action = targets["action"][:, :, None, None].expand(-1, -1, output.shape[2], 1)
        value = output.float().gather(3, action)[..., 0]
        error = nn.functional.smooth_l1_loss(value, targets["value"], reduction="none")
        counts = targets["counts"].float()
        mean = (error * counts).sum(dim=(1, 2)) / counts.sum(dim=(1, 2)).clamp_min(1)
        return {f"{cell:g} mm": one for cell, one in zip(self.config.cells_mm, mean, strict=True)}

    def _move_targets(self) -> None:
        share = self.config.target_share
        with torch.no_grad():
            for kept, learned in zip(self.targets.parameters(), self.networks.parameters(), strict=True):
                kept.lerp_(learned, share)

    def _autocast(self, device: str) -> Any:
        from LandmarkDetectionLib.networks.arithmetic import computes_bfloat16

        fast = self.config.precision != "32-true" and computes_bfloat16(device)
        return torch.autocast(device, torch.bfloat16, enabled=fast)

    # --- what the loop asks for -------------------------------------------------------------------------

    def final_networks(self) -> dict[str, Any]:
        """By key, those that find best: what follows slowly is steadier than what learns."""
        chosen = self.targets if self.config.target_share < 1 else self.networks
        return dict(chosen.items())

    def _searcher(self) -> Searcher:
        networks = self.final_networks()
        return Searcher([networks[key] for key in self.config.keys()], self.config, self.start)

    def measure(self, batch: Sequence[AgentCase]) -> dict[str, Tensor]:
        """Errors in mm on held-out cases, one agent per landmark, and landmarks wrongly said to be absent."""
        error, left = found_by(self._searcher(), batch)
        return {"error": torch.from_numpy(error), "left": torch.from_numpy(left.astype(np.float32))}

    def picture(self, batch: Sequence[AgentCase]) -> np.ndarray:
        """Early picture (H, W, 3) uint8 of the ways of agents in one case."""
        return picture_of(self._searcher(), batch[0])

    def get_extra_state(self) -> dict[str, Any]:
        """What agents remember and where they are, for checkpoints."""
        return {
            "memories": [memory.state() for memory in self.memories],
            "walkers": [
                {name: torch.from_numpy(np.array(one)) for name, one in walkers.state().items()}
                for walkers in self.walkers
            ],
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Inverse of ``get_extra_state``."""
        for memory, kept in zip(self.memories, state["memories"], strict=True):
            memory.restore(kept)
        for walkers, kept in zip(self.walkers, state["walkers"], strict=False):
            for name, values in kept.items():
                setattr(walkers, name, values.cpu().numpy().copy())
