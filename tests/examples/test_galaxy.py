"""The galaxy of examples/galaxy: its physics against theory, its arithmetic against float64, its runs against kills."""

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import bevel.numpy as jnp
from bevel import grad, jit, random

ROOT = Path(__file__).resolve().parents[2]
# The examples are not installed with the package: the tests take them from the checkout.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from examples.galaxy import __main__ as program  # noqa: E402
from examples.galaxy import dynamics, gravity, journey, model  # noqa: E402

STARS = 400


@pytest.fixture(scope="module")
def stars():
    return jit(model.create)(model.draw(random.key(3), STARS))


@pytest.fixture(scope="module")
def life(stars):
    """150 steps of a small galaxy: the measures at every 15th, and the states at both ends."""
    rules = dynamics.Rules(softening=0.3, accuracy=0.3)
    first = state = jit(dynamics.begin)(stars, rules)
    seen = [dynamics.measure(state, stars.mass, rules)]
    for _ in range(10):
        state = dynamics.advance(state, stars.mass, rules, 15)
        seen.append(dynamics.measure(state, stars.mass, rules))
    return rules, seen, first, state


def cloud(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(3, count)).astype(np.float32) * 5, rng.uniform(0.5, 2, count).astype(np.float32) * 1e7


def direct(targets, sources, mass, softening):
    """Acceleration and potential by the definition, in float64."""
    d = sources.astype(np.float64)[:, None, :] - targets.astype(np.float64)[:, :, None]
    r2 = (d**2).sum(0) + softening**2
    return gravity.G * (mass * d / r2**1.5).sum(-1), -gravity.G * (mass / np.sqrt(r2)).sum(-1)


# The sizes meet each way through the sum: one block, many, short last turns and blocks, and the form for many targets.
@pytest.mark.parametrize("count", [1, 2, 5, 512, 513, 1201])
def test_acceleration_is_the_direct_sum(count):
    place, mass = cloud(count)
    exact, _ = direct(place, place, mass, 0.15)
    found = np.stack(gravity.accelerations(list(jnp.asarray(place)), list(jnp.asarray(place)), jnp.asarray(mass), 0.15))
    scale = np.abs(exact).max() + 1e-30
    assert np.abs(found - exact).max() <= 2e-5 * scale


def test_acceleration_of_many_targets_is_the_direct_sum():
    sources, mass = cloud(37)
    targets, _ = cloud(gravity.MANY + 3, seed=1)
    exact, _ = direct(targets, sources, mass, 0.15)
    found = np.stack(
        gravity.accelerations(list(jnp.asarray(targets)), list(jnp.asarray(sources)), jnp.asarray(mass), 0.15)
    )
    assert np.abs(found - exact).max() <= 2e-5 * np.abs(exact).max()


def test_potential_leaves_out_the_star_itself():
    place, mass = cloud(531)
    _, exact = direct(place, place, mass, 0.15)
    exact += gravity.G * mass / 0.15
    found = np.asarray(gravity.potentials(list(jnp.asarray(place)), jnp.asarray(mass), 0.15))
    assert np.abs(found - exact).max() <= 2e-5 * np.abs(exact).max()


def test_force_is_minus_the_slope_of_the_energy():
    place, mass = cloud(60)
    mass = jnp.asarray(mass)

    def energy(x, y, z):
        return 0.5 * (mass * gravity.potentials([x, y, z], mass, 0.5)).sum()

    slope = jit(grad(energy, argnums=(0, 1, 2)))(*jnp.asarray(place))
    pull = gravity.accelerations(list(jnp.asarray(place)), list(jnp.asarray(place)), mass, 0.5)
    for s, a in zip(slope, pull, strict=True):
        np.testing.assert_allclose(-np.asarray(s), np.asarray(mass * a), rtol=1e-3, atol=1e-3 * float(abs(s).max()))


def test_two_bodies_turn_by_kepler():
    """A circle of radius d/2 each: omega^2 = G M / (d^2 + epsilon^2)^(3/2). After one period they are back."""
    d, m, epsilon = 2.0, 1e10, 0.01
    omega = np.sqrt(gravity.G * 2 * m / (d * d + epsilon * epsilon) ** 1.5)
    x, v = jnp.array([-d / 2, d / 2]), jnp.array([-omega * d / 2, omega * d / 2])
    zero = jnp.zeros(2)
    steps = 400
    rules = dynamics.Rules(epsilon, 1e9, float(2 * np.pi / omega / steps))
    pair = model.Stars([x, zero, zero], [zero, v, zero], jnp.array([m, m]))
    end = dynamics.advance(dynamics.begin(pair, rules), pair.mass, rules, steps)
    np.testing.assert_allclose(end.position[0], x, atol=2e-3)
    np.testing.assert_allclose(end.position[1], zero, atol=2e-3)


def test_hernquist_radii_follow_the_profile():
    a = 0.6
    u = np.asarray(model.BULGE_CUT * random.uniform(random.key(0), (20000,)))
    radius = np.sort(np.asarray(model.hernquist_radius(jnp.asarray(u), a)))
    theory = radius**2 / (radius + a) ** 2 / model.BULGE_CUT
    steps = np.arange(1, radius.size + 1) / radius.size
    # Kolmogorov and Smirnov: 1.95 / sqrt(n) is passed by chance once in a thousand, and the key is fixed.
    assert np.abs(theory - steps).max() < 1.95 / np.sqrt(radius.size)


def test_bulge_of_a_galaxy_follows_the_profile():
    stars = jit(model.create)(model.draw(random.key(5), 4000))
    bulge = np.stack(stars.position)[:, model.disk_count(4000) :]
    radius, a = np.sort(np.linalg.norm(bulge, axis=0)), model.Galaxy().bulge_scale
    theory = radius**2 / (radius + a) ** 2 / model.BULGE_CUT
    # The galaxy was moved to its centre of mass, a tenth of a kpc or so: hence more room than chance needs.
    assert np.abs(theory - np.arange(1, radius.size + 1) / radius.size).max() < 0.1


def test_disk_is_exponential_and_has_arms():
    stars = jit(model.create)(model.draw(random.key(6), 8000))
    n, g = model.disk_count(8000), model.Galaxy()
    x, y, z = np.stack(stars.position)[:, :n]
    radius = np.sort(np.hypot(x, y)) / g.disk_scale
    assert np.abs(1 - (1 + radius) * np.exp(-radius) - np.arange(1, n + 1) / n).max() < 0.03
    # Fourier's second coefficient along the spiral is contrast / 2; off the spiral (other sense) it is nothing.
    phase = np.arctan2(y, x)
    wind = np.log(np.maximum(np.hypot(x, y) / g.disk_scale, 0.1)) / g.arm_pitch
    assert abs(abs(np.exp(2j * (phase + wind)).mean()) - g.arm_contrast / 2) < 0.05
    assert abs(np.exp(2j * (phase - wind)).mean()) < 0.05
    # <|z|> of sech^2(z / h) is h log 2.
    assert abs(np.abs(z - z.mean()).mean() / (g.disk_height * np.log(2)) - 1) < 0.05


def test_masses_follow_kroupa():
    u = (np.arange(200000) + 0.5) / 200000
    m = np.asarray(model.initial_mass_function(jnp.asarray(u, jnp.float32)), np.float64)
    assert m.min() >= 0.0999 and m.max() <= 10.001 and (np.diff(m) >= -1e-6).all()
    edges = np.array([0.1, 0.2, 0.5, 1, 3, 10])

    def law(low, high):  # integral of n(m), by its two powers
        below = (min(low, 0.5) ** -0.3 - min(high, 0.5) ** -0.3) / 0.3
        return below + 0.5 * (max(low, 0.5) ** -1.3 - max(high, 0.5) ** -1.3) / 1.3

    theory = np.array([law(a, b) for a, b in pairwise(edges)])
    found, _ = np.histogram(m, edges)
    np.testing.assert_allclose(found / found.sum(), theory / theory.sum(), atol=1e-3)


def test_galaxy_weighs_what_it_should_and_rests(stars):
    mass = np.asarray(stars.mass, np.float64)
    n = model.disk_count(STARS)
    assert abs(mass.sum() / 5e10 - 1) < 1e-5 and abs(mass[n:].sum() / 1e10 - 1) < 1e-5
    for vector in (stars.position, stars.velocity):
        v = np.stack(vector)
        assert np.abs((mass * v).sum(1) / mass.sum()).max() < 1e-5 * np.abs(v).max()


def test_same_key_same_galaxy_other_key_other():
    one, same, other = (model.draw(random.key(k), 50).even for k in (1, 1, 2))
    assert (np.asarray(one) == np.asarray(same)).all() and (np.asarray(one) != np.asarray(other)).any()


def test_energy_and_angular_momentum_and_momentum_stay(life):
    _, seen, _, _ = life
    energy = np.array([m.kinetic + m.potential for m in seen])
    assert energy[0] < 0
    assert np.abs(energy / energy[0] - 1).max() < 1e-3
    spin = np.array([m.spin for m in seen])
    assert np.abs(spin - spin[0]).max() < 1e-5 * np.linalg.norm(spin[0])
    scale = np.sqrt(2 * seen[0].kinetic * 5e10)
    assert max(np.abs(m.momentum).max() for m in seen) < 1e-5 * scale


def test_galaxy_is_in_equilibrium(life):
    _, seen, _, _ = life
    virial = np.array([2 * m.kinetic / m.virial for m in seen])
    assert np.abs(virial - 1).max() < 0.15
    half = np.array([m.radii[1] for m in seen])
    assert np.abs(half / half[0] - 1).max() < 0.2


def test_galaxy_without_its_velocities_falls(stars, life):
    """The test above can fail: at rest the same stars fall inwards."""
    rules = life[0]
    state = dynamics.begin(model.Stars(stars.position, [0 * v for v in stars.velocity], stars.mass), rules)
    fallen = dynamics.measure(dynamics.advance(state, stars.mass, rules, 150), stars.mass, rules)
    assert fallen.radii[1] < 0.8 * life[1][0].radii[1]


def test_steps_adapt_and_reverse(stars, life):
    """Turned round at the end, the stars go back to where they began: the step rule is the same both ways."""
    rules, _, first, _ = life
    steps = 30
    end = dynamics.advance(first, stars.mass, rules, steps)
    assert float(end.rate) != float(first.rate)
    # The rule's own next rate is the first one of the way back, so its last is handed over as 2/t - 1/h.
    asked = 1 / dynamics.asked_step(end.acceleration, rules)
    back = end._replace(velocity=[-v for v in end.velocity], rate=2 * asked - end.rate)
    back = dynamics.advance(back, stars.mass, rules, steps)
    moved = max(float(abs(a - b).max()) for a, b in zip(end.position, first.position, strict=True))
    missed = max(float(abs(a - b).max()) for a, b in zip(back.position, first.position, strict=True))
    assert moved > 0.5 and missed < 2e-3 * moved


def test_blocks_do_not_change_a_bit(stars, life):
    rules, _, first, _ = life
    whole = dynamics.advance(first, stars.mass, rules, 12)
    parts = dynamics.advance(dynamics.advance(first, stars.mass, rules, 5), stars.mass, rules, 7)
    for a, b in zip(whole.position + whole.velocity, parts.position + parts.velocity, strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_gradient_agrees_with_differences():
    rules = dynamics.Rules(softening=1.0)
    for slope in dynamics.slopes(random.key(7), count=64, rules=rules, steps=8, step_length=2.0):
        assert abs(slope.by_grad) > 0.05
        assert slope.disagreement < 5e-3, slope


# ----------------------------------------------------------------------------------------------------------------- runs

SMALL = ["--stars", "150", "--no-gradient", "--no-pictures"]


def launch(out, *arguments):
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), *filter(None, sys.path)]))
    command = [sys.executable, "-m", "examples.galaxy", "--out", str(out), "--no-gradient", "--no-pictures", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(path, process, seconds=120):
    end = time.monotonic() + seconds
    while not path.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    assert path.exists(), process.communicate()[1]


def same_run(a, b):
    with np.load(journey.checkpoint_path(a)) as one, np.load(journey.checkpoint_path(b)) as other:
        assert set(one.files) == set(other.files)
        for name in one.files:
            assert one[name].tobytes() == other[name].tobytes(), name


def test_the_program_runs_by_its_path_too(tmp_path):
    command = [sys.executable, "examples/galaxy.py", "--stars", "20", "--steps", "2", "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, "--no-gradient", "--no-pictures"], cwd=ROOT, env=dict(os.environ, PYTHONPATH=str(ROOT)),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "2 steps" in done.stdout


def test_resume_after_a_kill_is_bit_equal(tmp_path):
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    process = launch(cut, "--stars", "150", "--steps", "100000", "--save-every", "0.01")
    wait_for(journey.checkpoint_path(cut), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with np.load(journey.checkpoint_path(cut)) as file:
        reached = int(file["steps"])
    steps = str(reached + 100)
    assert program.main([*SMALL[2:], "--out", str(cut), "--steps", steps, "--resume"]) == 0
    assert program.main([*SMALL, "--out", str(whole), "--steps", steps]) == 0
    same_run(cut, whole)


def test_interrupt_saves_and_says_how_to_go_on(tmp_path):
    process = launch(tmp_path, "--stars", "150", "--steps", "100000", "--save-every", "0.01")
    wait_for(journey.checkpoint_path(tmp_path), process)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in said and str(tmp_path) in said and "energy drift" in said
    run = journey.resume(tmp_path, {})
    assert 0 < run.steps < 100000 and run.steps % 20 == 0


def test_longer_run_goes_on_from_a_finished_one(tmp_path, capsys):
    assert program.main([*SMALL, "--out", str(tmp_path), "--steps", "20"]) == 0
    assert program.main([*SMALL, "--out", str(tmp_path), "--steps", "40", "--resume"]) == 0
    assert "40 steps" in capsys.readouterr().out
    assert program.main([*SMALL, "--out", str(tmp_path), "--steps", "30", "--resume"]) == 2
    assert "already at step 40" in capsys.readouterr().err


def refused(capsys, *arguments):
    assert program.main([str(a) for a in arguments]) == 2
    letter = capsys.readouterr().err
    assert letter.startswith("galaxy: ") and "Traceback" not in letter and len(letter.splitlines()) <= 3
    return letter


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stars", "0"], ["--stars", "0", "at least 2"]),
        (["--stars", "-5"], ["-5", "at least 2"]),
        (["--stars", "many"], ["'many'", "whole number"]),
        (["--steps", "-1"], ["-1", "at least 0"]),
        (["--softening", "0"], ["--softening", "above 0"]),
        (["--softening", "nan"], ["nan", "above 0"]),
        (["--accuracy", "-1"], ["--accuracy", "above 0"]),
        (["--planets", "9"], ["--planets"]),
    ],
)
def test_bad_numbers_get_a_letter(capsys, tmp_path, arguments, words):
    letter = refused(capsys, "--out", tmp_path, *arguments)
    assert all(word in letter for word in words), letter


def test_unwritable_folder_gets_a_letter(capsys, tmp_path):
    (tmp_path / "file").write_text("here")
    assert "cannot be written to" in refused(capsys, "--out", tmp_path / "file" / "inside")


def test_resume_without_a_checkpoint_gets_a_letter(capsys, tmp_path):
    assert "found no" in refused(capsys, "--out", tmp_path, "--resume")


def test_damaged_and_mismatching_checkpoints_get_a_letter(capsys, tmp_path):
    assert program.main([*SMALL, "--out", str(tmp_path), "--steps", "0"]) == 0
    capsys.readouterr()  # the progress bar
    assert "--stars 200" in refused(capsys, "--out", tmp_path, "--resume", "--stars", "200")
    path = journey.checkpoint_path(tmp_path)
    whole = bytearray(path.read_bytes())
    spot = whole.find(b"position") + 400
    flipped = whole[:spot] + b"\xff\x00\xff" + whole[spot + 3 :]
    for damaged in (whole[: len(whole) // 2], b"", b"not a checkpoint", flipped):
        path.write_bytes(damaged)
        assert "damaged" in refused(capsys, "--out", tmp_path, "--resume")


def test_pictures_are_made(tmp_path):
    from PIL import Image

    assert program.main(["--stars", "60", "--steps", "40", "--out", str(tmp_path), "--no-gradient"]) == 0
    for name in ("before.png", "after.png", "drift.png"):
        with Image.open(tmp_path / name) as picture:
            colours = np.asarray(picture.convert("RGB"))
        assert colours.shape[0] > 500 and colours.std() > 3  # more than an empty sky
    with Image.open(tmp_path / "galaxy.gif") as film:
        assert film.n_frames == 3
