"""A run: blocks of steps, the record of what is conserved, and checkpoints that resume bit for bit.

A checkpoint is one .npz file with the state, the settings, the record so far and the frames of the animation. It is
written beside its place, flushed to the disk and then renamed over the last one, so that at any moment, a kill
included, a whole checkpoint is there. The program that steps is the same however many steps it is asked for, so a run
that was cut anywhere and resumed ends in the very bits of one that was not.
"""

import os
import signal
import time
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

import bevel.numpy as jnp
from bevel import jit, random

from . import dynamics, model

FORMAT = 1  # of the checkpoint; a file of another format is refused
FRAMES = 90  # the animation thins itself out, by halves, to stay below this


class Refusal(Exception):
    """Something asked for cannot be done; the message is a short letter for the person who asked."""


@dataclass(frozen=True)
class Settings:
    """What decides every bit of a run, but for its length."""

    stars: int = 3000
    seed: int = 7
    softening: float = 0.2
    accuracy: float = 0.25

    @property
    def rules(self):
        return dynamics.Rules(softening=self.softening, accuracy=self.accuracy)


@dataclass
class Run:
    """A galaxy at some step of its life, and what was seen on the way."""

    settings: Settings
    mass: object
    state: dynamics.State
    steps: int = 0
    time: float = 0.0  # Myr, summed in float64
    record: list = field(default_factory=list)  # rows: see ROW
    frames: list = field(default_factory=list)  # (Myr, float32[3, n])
    frame_every: int = 1  # blocks from one frame to the next

    def column(self, name):
        return np.array([row[ROW.index(name)] for row in self.record])

    @property
    def energy(self):
        return self.column("kinetic") + self.column("potential")

    @property
    def drift(self):
        """Largest relative change of the total energy so far."""
        energy = self.energy
        return float(np.abs(energy / energy[0] - 1).max())


ROW = ["step", "time", "kinetic", "potential", "virial", "px", "py", "pz", "lx", "ly", "lz", "r10", "r50", "r90"]


def start(settings):
    """A run before its first step."""
    rules = settings.rules
    draws = jit(model.draw, static_argnums=1)(random.key(settings.seed), settings.stars)
    stars = jit(lambda draws: model.create(draws, softening=rules.softening))(draws)
    run = Run(settings, stars.mass, jit(dynamics.begin)(stars, rules))
    _look(run)
    return run


def travel(run, steps, out, block=20, save_every=5.0):
    """Go on to `steps` steps, saving to `out` every `save_every` seconds and at the end; True if it got there.

    Ctrl-C lets the block of steps under way finish, saves, and gives False.
    """
    saved = time.monotonic()
    with (
        _asked_to_stop() as asked,
        tqdm(total=steps, initial=run.steps, unit="step", desc="galaxy", smoothing=0.1, dynamic_ncols=True) as bar,
    ):
        while run.steps < steps and not asked:
            # Blocks end at multiples of their length, wherever the run was cut: the record comes out the same too.
            count = min(block - run.steps % block, steps - run.steps)
            state = dynamics.advance(run.state, run.mass, run.settings.rules, count)
            run.time += float(state.elapsed)
            run.state = state._replace(elapsed=jnp.zeros_like(state.elapsed))
            run.steps += count
            if run.steps % block == 0 or run.steps == steps:
                _look(run, block)
            bar.update(count)
            bar.set_postfix_str(f"{run.time:.0f} Myr, energy drift {run.drift:.1e}")
            if time.monotonic() - saved > save_every:
                save(run, out)
                saved = time.monotonic()
    save(run, out)
    return run.steps >= steps


def _look(run, block=20):
    """Write down what is conserved, and now and then a frame."""
    if run.record and run.record[-1][0] == run.steps:
        return
    m = dynamics.measure(run.state, run.mass, run.settings.rules)
    if not np.isfinite(m.kinetic + m.potential):
        raise Refusal(
            f"The energy is no longer finite at step {run.steps}: two stars met too closely for the step length.\n"
            f"Use an --accuracy below {run.settings.accuracy:g}, or a --softening above {run.settings.softening:g}."
        )
    run.record.append([run.steps, run.time, m.kinetic, m.potential, m.virial, *m.momentum, *m.spin, *m.radii])
    if run.steps % (block * run.frame_every) == 0:
        run.frames.append((run.time, np.stack([np.asarray(x) for x in run.state.position])))
        if len(run.frames) > FRAMES:
            run.frames = run.frames[::2]
            run.frame_every *= 2


@contextmanager
def _asked_to_stop():
    """A list that is empty until Ctrl-C."""
    asked = []
    before = signal.signal(signal.SIGINT, lambda *_: asked.append(True))
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def checkpoint_path(out):
    return Path(out) / "checkpoint.npz"


def save(run, out):
    """Write the checkpoint, whole or not at all."""
    arrays = {
        "format": FORMAT,
        "mass": np.asarray(run.mass),
        "rate": np.asarray(run.state.rate),
        "steps": run.steps,
        "time": run.time,
        "record": np.array(run.record),
        "frame_times": np.array([t for t, _ in run.frames]),
        "frames": np.array([f for _, f in run.frames]),
        "frame_every": run.frame_every,
    }
    for name in ("position", "velocity", "acceleration"):
        arrays[name] = np.stack([np.asarray(x) for x in getattr(run.state, name)])
    for name, value in asdict(run.settings).items():
        arrays["settings_" + name] = value
    path = checkpoint_path(out)
    beside = path.with_name("checkpoint.npz.part")
    try:
        with beside.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as problem:
        raise Refusal(
            f"The checkpoint {path} cannot be written: {problem.strerror}.\nThe last whole one, if any, is still there."
        ) from problem


def resume(out, asked):
    """The run whose checkpoint lies in `out`. `asked` holds the settings that were given, and they must be its own."""
    path = checkpoint_path(out)
    if not path.is_file():
        raise Refusal(f"--resume found no {path}.\nStart the run without --resume, or name its folder with --out.")
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}  # reading checks each array's CRC
        if int(data["format"]) != FORMAT:
            raise Refusal(f"{path} has format {int(data['format'])}; this program reads {FORMAT}.\nStart the run anew.")
        settings = Settings(
            stars=int(data["settings_stars"]),
            seed=int(data["settings_seed"]),
            softening=float(data["settings_softening"]),
            accuracy=float(data["settings_accuracy"]),
        )
        n = settings.stars
        vectors = [data[name] for name in ("position", "velocity", "acceleration")]
        sound = all(v.shape == (3, n) and v.dtype == np.float32 and np.isfinite(v).all() for v in vectors)
        if not (sound and data["mass"].shape == (n,) and data["record"].shape[1:] == (len(ROW),)):
            raise ValueError("shapes")
        parts = [[jnp.asarray(c) for c in v] for v in vectors]
        rate = jnp.asarray(data["rate"])
        run = Run(
            settings,
            jnp.asarray(data["mass"]),
            dynamics.State(*parts, rate, jnp.zeros_like(rate)),
            int(data["steps"]),
            float(data["time"]),
            data["record"].tolist(),
            list(zip(data["frame_times"].tolist(), data["frames"], strict=True)),
            int(data["frame_every"]),
        )
    except (OSError, ValueError, KeyError, IndexError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as problem:
        raise Refusal(
            f"{path} is damaged or is no checkpoint of this program ({type(problem).__name__}).\n"
            "Start the run without --resume; the file will be written over."
        ) from problem
    for name, value in asked.items():
        have = getattr(settings, name)
        if value != have:
            raise Refusal(
                f"You asked for --{name} {value:g}, but the run in {out} has --{name} {have:g}.\n"
                f"Leave --{name} out to resume it, or choose another --out."
            )
    return run
