"""Pictures of a run: before and after as a telescope would add up the light, the drift, and an animation."""

import io
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

matplotlib.use("Agg")  # no window: pictures go to files

from matplotlib import pyplot as plt
from matplotlib.lines import Line2D

from .model import disk_count

REACH = 16.0  # kpc from the centre to the edge of a picture
THICK = 4.0  # kpc, the same for the view from the side
SKY, INK, FAINT = "#05060f", "#d8dcf0", "#3a4060"
DISK = np.array([0.42, 0.62, 1.00])  # young and blue
BULGE = np.array([1.00, 0.66, 0.30])  # old and golden
LINES = ["#7fb2ff", "#ffb45e", "#8ee6c0", "#e58bd0"]


def draw(run, out):
    """Make all pictures in the folder `out`; gives their paths, one after the other."""
    out = Path(out)
    first, last = run.frames[0], (run.time, np.stack([np.asarray(x) for x in run.state.position]))
    mass = np.asarray(run.mass)
    x, y, z = first[1]
    brightest = _exposure(x, y, mass, REACH), _exposure(x, z, mass, THICK)
    for name, (time, place) in (("before.png", first), ("after.png", last)):
        yield _portrait(out / name, time, place, mass, brightest)
    yield _drift(out / "drift.png", run)
    frames = run.frames if run.frames[-1][0] == run.time else [*run.frames, last]
    yield _animation(out / "galaxy.gif", frames, mass, brightest[0])


def _blur(light, width):
    """The image under a Gaussian seeing of `width` pixels; nothing leaks around the edges."""
    pad = int(np.ceil(4 * width))
    light = np.pad(light, pad)
    for axis in (0, 1):
        frequency = np.fft.rfftfreq(light.shape[axis])
        shape = [1, 1]
        shape[axis] = -1
        response = np.exp(-2 * (np.pi * width * frequency) ** 2).reshape(shape)
        light = np.fft.irfft(np.fft.rfft(light, axis=axis) * response, light.shape[axis], axis=axis)
    return np.maximum(light[pad:-pad, pad:-pad], 0)


def _light(x, y, mass, half_width, half_height, pixels):
    """Surface brightness in the two colours, float[rows, columns, 3], spread by the seeing.

    A particle shines as the square root of its mass: the few heaviest would outshine the arms otherwise.
    """
    columns, rows = 2 * pixels, round(2 * pixels * half_height / half_width)
    in_disk = disk_count(len(x))
    image = np.zeros((rows, columns, 3))
    kpc = pixels / half_width
    for part, colour in ((slice(0, in_disk), DISK), (slice(in_disk, None), BULGE)):
        seen, _, _ = np.histogram2d(
            y[part], x[part], bins=(rows, columns), weights=np.sqrt(mass[part]),
            range=((-half_height, half_height), (-half_width, half_width)),
        )  # fmt: skip
        # A star is a point in a halo of its own: the points give the grain, the halo the arms.
        layer = 0.12 * _blur(seen, 0.06 * kpc) + 0.88 * _blur(seen, 0.35 * kpc)
        image += layer[:, :, None] * colour
    return image * kpc**2


def _exposure(x, up, mass, half_height):
    """Brightness that the picture shows as white; one for the whole run, so that pictures compare."""
    return np.quantile(_light(x, up, mass, REACH, half_height, 160).max(2), 0.998)


def _develop(light, brightest):
    """Colours of a picture, float[rows, columns, 3] in 0..1.

    The asinh keeps the faint arms and the bright centre in one picture: Lupton et al. 2004, PASP 116, 133.
    """
    strength = light.max(2, keepdims=True)
    stretched = np.arcsinh(25 * strength / brightest) / np.arcsinh(25)
    colour = light / np.maximum(strength, 1e-30)
    # What is brighter than the film turns white.
    glare = np.clip(stretched - 0.75, 0, 0.6)
    sky = np.array(matplotlib.colors.to_rgb(SKY))
    return np.clip(sky + stretched * colour + glare, 0, 1)


def _style(axes):
    axes.set_facecolor(SKY)
    axes.tick_params(colors=INK, labelsize=9)
    for edge in axes.spines.values():
        edge.set_color(FAINT)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.title.set_color(INK)


def _portrait(path, time, place, mass, brightest):
    x, y, z = place
    figure, (face, side) = plt.subplots(
        2, 1, figsize=(7.4, 9.6), facecolor=SKY, sharex=True, layout="constrained",
        gridspec_kw={"height_ratios": [REACH, THICK]},
    )  # fmt: skip
    views = ((face, y, REACH, "y [kpc]"), (side, z, THICK, "z [kpc]"))
    for (axes, up, height, label), white in zip(views, brightest, strict=True):
        picture = _develop(_light(x, up, mass, REACH, height, 420), white)
        axes.imshow(picture, origin="lower", extent=(-REACH, REACH, -height, height), interpolation="bilinear")
        # The heaviest stars, by mass, as a telescope shows the brightest: with a dot of their own.
        heavy = mass > np.quantile(mass, 0.97)
        axes.scatter(x[heavy], up[heavy], s=22 * mass[heavy] / mass.max(), c="white", alpha=0.75, linewidths=0)
        axes.set(xlim=(-REACH, REACH), ylim=(-height, height), ylabel=label, aspect="equal")
        _style(axes)
    side.set_xlabel("x [kpc]")
    title = f"{time:.0f} Myr   ·   {len(x):,} particles, {mass.sum():.1e} solar masses"
    face.set_title(title, fontsize=11, loc="left", color=INK)
    marks = [Line2D([], [], marker="o", ls="", color=c, label=n) for c, n in ((DISK, "disk"), (BULGE, "bulge"))]
    marks.append(Line2D([], [], marker="o", ls="", ms=4, color="white", label="heaviest 3 %"))
    face.legend(handles=marks, loc="upper right", frameon=False, labelcolor=INK, fontsize=9)
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path


def _drift(path, run):
    time = run.column("time")
    energy, kinetic = run.energy, run.column("kinetic")
    spin = run.column("lz")
    figure, panels = plt.subplots(2, 2, figsize=(10, 7), facecolor=SKY, sharex=True, layout="constrained")
    (a, b), (c, d) = panels
    a.plot(time, energy / energy[0] - 1, color=LINES[0])
    a.set(title="total energy, relative change", ylabel=r"$\Delta E / E_0$")
    b.plot(time, spin / spin[0] - 1, color=LINES[2])
    b.set(title="angular momentum about z, relative change", ylabel=r"$\Delta L_z / L_{z,0}$")
    c.plot(time, 2 * kinetic / run.column("virial"), color=LINES[1])
    c.axhline(1, color=FAINT, lw=1, zorder=0)
    c.set(title="virial ratio: 1 in equilibrium", ylabel=r"$2K / |\sum m\, x \cdot a|$", xlabel="time [Myr]")
    for column, share, colour in (("r90", 90, LINES[0]), ("r50", 50, LINES[1]), ("r10", 10, LINES[3])):
        d.plot(time, run.column(column), color=colour, label=f"{share} %")
    d.set(title="spheres that hold a share of the mass", ylabel="radius [kpc]", xlabel="time [Myr]", yscale="log")
    d.set_yticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    d.minorticks_off()
    d.set_ylim(top=2.5 * run.column("r90").max())
    d.legend(frameon=False, labelcolor=INK, fontsize=9, loc="upper left", ncols=3)
    for axes in panels.flat:
        _style(axes)
        axes.grid(color=FAINT, lw=0.4)
        axes.title.set_fontsize(10)
        axes.yaxis.get_offset_text().set_color(INK)
    for axes in (a, b):
        axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path


def _animation(path, frames, mass, brightest):
    pixels = 180
    font = ImageFont.load_default(13)
    pages = []
    for time, place in frames:
        picture = _develop(_light(place[0], place[1], mass, REACH, REACH, pixels), brightest)
        page = Image.fromarray((255 * picture[::-1]).astype(np.uint8))
        pen = ImageDraw.Draw(page)
        pen.text((10, 8), f"{time:.0f} Myr", fill=INK, font=font)
        bar = 5 * pixels / REACH
        pen.line((10, 2 * pixels - 12, 10 + bar, 2 * pixels - 12), fill=INK, width=2)
        pen.text((10, 2 * pixels - 32), "5 kpc", fill=INK, font=font)
        pages.append(page)
    # One palette for all pages, from first, middle and last: with one each they would flicker.
    sample = np.concatenate([np.asarray(pages[k]) for k in (0, len(pages) // 2, -1)])
    palette = Image.fromarray(sample).quantize(255, method=Image.Quantize.MAXCOVERAGE)
    pages = [page.quantize(palette=palette, dither=Image.Dither.NONE) for page in pages]
    film = io.BytesIO()
    pages[0].save(film, "GIF", save_all=True, append_images=pages[1:], duration=70, loop=0)
    path.write_bytes(film.getvalue())
    return path
