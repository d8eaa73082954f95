"""The command line: `python -m examples.galaxy`."""

import argparse
import math
import shlex
import sys
import tempfile
from pathlib import Path

import numpy as np

from . import journey
from .journey import Refusal, Settings

SOLAR_MASSES_KPC2_MYR2_IN_JOULES = 1.98841e30 * (3.0856776e19 / 3.15576e13) ** 2


class Letters(argparse.ArgumentParser):
    """A parser whose complaints are one letter, without the usage in front."""

    def error(self, message):
        raise Refusal(f"{message}.\nSee --help for what there is.")


def whole(least, meaning):
    def convert(text):
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number; it is {meaning}") from None
        if number < least:
            raise argparse.ArgumentTypeError(f"{number} is too few; it is {meaning}, at least {least}")
        return number

    return convert


def positive(meaning):
    def convert(text):
        try:
            number = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no number; it is {meaning}") from None
        if not (number > 0 and math.isfinite(number)):
            raise argparse.ArgumentTypeError(f"{text} cannot be; it is {meaning}, above 0")
        return number

    return convert


def parser():
    defaults = Settings()
    p = Letters(
        prog="python -m examples.galaxy",
        description="A spiral galaxy under its own gravity. Units: kpc, solar masses, Myr.",
        allow_abbrev=False,
    )
    p.add_argument("--stars", type=whole(2, "the number of particles"), help=f"particles ({defaults.stars})")
    p.add_argument("--steps", type=whole(0, "the number of steps from the start"), default=2000, help="steps (2000)")
    p.add_argument("--out", type=Path, default=Path("out/galaxy"), help="folder for what is made (out/galaxy)")
    p.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    p.add_argument("--seed", type=whole(0, "the seed of the random numbers"), help=f"another galaxy ({defaults.seed})")
    p.add_argument(
        "--softening", type=positive("a length in kpc"), help=f"Plummer softening in kpc ({defaults.softening})"
    )
    p.add_argument(
        "--accuracy", type=positive("a pure number"), help=f"of the step length; less is finer ({defaults.accuracy})"
    )
    p.add_argument(
        "--save-every",
        type=positive("seconds between checkpoints"),
        default=5.0,
        help="seconds between checkpoints (5)",
    )
    p.add_argument("--no-gradient", action="store_true", help="leave out the gradient of the final radius")
    p.add_argument("--no-pictures", action="store_true", help="leave out the pictures and the animation")
    return p


def main(arguments=None):
    """Run as the arguments say, and give the exit code: 0 done, 2 cannot be done, 130 stopped by Ctrl-C."""
    try:
        return run(parser().parse_args(arguments))
    except Refusal as letter:
        print(f"galaxy: {letter}", file=sys.stderr)
        return 2


def run(options):
    asked = {name: getattr(options, name) for name in ("stars", "seed", "softening", "accuracy")}
    asked = {name: value for name, value in asked.items() if value is not None}
    if options.resume:
        galaxy = journey.resume(options.out, asked)
        _make_folder(options.out)
        if galaxy.steps > options.steps:
            raise Refusal(
                f"The run in {options.out} is already at step {galaxy.steps}, past --steps {options.steps}.\n"
                f"Give --steps {galaxy.steps} or more."
            )
    else:
        _make_folder(options.out)
        galaxy = journey.start(Settings(**asked))
    s = galaxy.settings
    print(f"{s.stars} particles, 5e10 solar masses in all, softening {s.softening:g} kpc, seed {s.seed}", flush=True)
    begun = galaxy.steps
    arrived = journey.travel(galaxy, options.steps, options.out, save_every=options.save_every)
    _report(galaxy)
    if not arrived:
        command = f"python -m examples.galaxy --out {shlex.quote(str(options.out))} --steps {options.steps} --resume"
        print(f"Stopped at step {galaxy.steps} (from {begun}) and saved. Go on with:\n  {command}")
        return 130
    if not options.no_gradient:
        _gradient(s.seed)
    if not options.no_pictures:
        from . import pictures  # matplotlib takes a second to load

        for path in pictures.draw(galaxy, options.out):
            print(f"wrote {path}")
    return 0


def _make_folder(out):
    """Make the folder and try to write in it now, not after an hour of steps."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as problem:
        raise Refusal(f"--out {out} cannot be written to: {problem.strerror}.\nName a folder that can.") from problem


def _report(galaxy):
    energy, spin = galaxy.energy, galaxy.column("lz")
    momentum = np.linalg.norm([galaxy.column(c) for c in ("px", "py", "pz")], axis=0)
    # A scale for the momentum, which should be zero: what the stars would have if all moved one way.
    scale = np.sqrt(2 * galaxy.column("kinetic")[0] * float(np.asarray(galaxy.mass, np.float64).sum()))
    print(f"{galaxy.steps} steps, {galaxy.time:.1f} Myr")
    print(f"energy {energy[-1] * SOLAR_MASSES_KPC2_MYR2_IN_JOULES:.4e} J, relative energy drift {galaxy.drift:.1e}")
    print(f"angular momentum drift {np.abs(spin / spin[0] - 1).max():.1e}, momentum {momentum.max() / scale:.1e}")
    r50 = galaxy.column("r50")
    print(f"half-mass radius {r50[0]:.2f} kpc at the start, {r50[-1]:.2f} kpc at the end", flush=True)


def _gradient(seed):
    from bevel import random

    from . import dynamics

    print("mean final radius of 256 stars after 40 Myr, differentiated through the whole run:")
    for slope in dynamics.slopes(random.key(seed)):
        print(
            f"  d radius / d {slope.name} [{slope.unit}]: grad {slope.by_grad:.4f}, "
            f"central differences {slope.by_differences:.4f}, relative disagreement {slope.disagreement:.1e}"
        )


if __name__ == "__main__":
    sys.exit(main())
