"""map_coordinates, RegularGridInterpolator, vq, Rotation and Slerp agree with SciPy's."""

import numpy as np
import pytest
import scipy.cluster.vq
import scipy.interpolate
import scipy.ndimage
import scipy.spatial.transform as theirs

import bevel
import bevel.numpy as jnp
from bevel.scipy.cluster.vq import vq
from bevel.scipy.interpolate import RegularGridInterpolator
from bevel.scipy.ndimage import map_coordinates
from bevel.scipy.spatial.transform import Rotation, Slerp
from bevel.testing import check_grads

RNG = np.random.default_rng(0)
GRID = RNG.normal(size=(5, 4))
PLACES = RNG.uniform(-9, 9, (2, 60))


@pytest.mark.parametrize("mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
def test_map_coordinates(mode):
    # SciPy's name for whole repeats of the array is grid-wrap, and for cval between the points too, grid-constant
    name = {"wrap": "grid-wrap", "constant": "grid-constant"}.get(mode, mode)
    with bevel.enable_x64(True):
        for order in (0, 1):
            expected = scipy.ndimage.map_coordinates(GRID, PLACES, order=order, mode=name, cval=2.5)
            found = map_coordinates(GRID, list(PLACES), order, mode=mode, cval=2.5)
            np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-12, err_msg=order)
        interpolate = lambda x, r, c: map_coordinates(x, [r, c], 1, mode=mode)
        check_grads(interpolate, (GRID, np.asarray([0.3, 2.6]), np.asarray([1.2, 1.9])), order=2)
    whole = map_coordinates(np.arange(6), [jnp.asarray([0.4, 2.6])], 1)
    assert whole.dtype == np.int32 and whole.tolist() == [0, 3]


def test_map_coordinates_refuses():
    with pytest.raises(ValueError, match="1 != 2 at .*: one array for each axis"):
        map_coordinates(GRID, [jnp.zeros(3)], 1)
    with pytest.raises(NotImplementedError, match="requires order<=1 at .*; got 3"):
        map_coordinates(GRID, [jnp.zeros(3)] * 2, 3)
    with pytest.raises(NotImplementedError, match="does not yet support mode far"):
        map_coordinates(GRID, [jnp.zeros(3)] * 2, 1, mode="far")
    with pytest.raises(TypeError, match="real coordinates"):
        map_coordinates(GRID, [jnp.zeros(3, complex)] * 2, 1)


@pytest.mark.parametrize("method", ["linear", "nearest"])
@pytest.mark.parametrize("fill_value", [np.nan, 3.0, None])
def test_grid_interpolation(method, fill_value):
    points = (np.asarray([0.0, 0.5, 2.0, 2.5, 6.0]), np.asarray([4.0, 3.0, 1.0, -2.0]))
    places = RNG.uniform(-1, 5, (3, 7, 2))
    with bevel.enable_x64(True):
        for values in (GRID, RNG.normal(size=(5, 4, 3))):
            arguments = {"method": method, "bounds_error": False, "fill_value": fill_value}
            expected = scipy.interpolate.RegularGridInterpolator(points, values, **arguments)(places)
            ours = RegularGridInterpolator(points, values, **arguments)
            np.testing.assert_allclose(np.asarray(ours(places)), expected, rtol=1e-12)
            np.testing.assert_allclose(np.asarray(bevel.jit(ours)(places)), expected, rtol=1e-12)
    assert np.isnan(RegularGridInterpolator(points, GRID)(np.asarray([[np.nan, 0.0]])))
    assert RegularGridInterpolator(points, GRID)((0.2, jnp.zeros(4))).shape == (4,)


def test_grid_interpolation_refuses():
    points = (jnp.arange(5.0), jnp.arange(4.0))
    for arguments, words in (
        (((jnp.arange(5.0), jnp.arange(3.0)), GRID), "the points in dimension 1 must be a vector of 4"),
        (((jnp.asarray([0.0, 2, 1, 3, 4]), points[1]), GRID), "strictly ascending or descending"),
        ((points, GRID, "cubic"), "method 'cubic' is not defined"),
        ((points, GRID, "linear", False, 1j), "fill_value must be either 'None' or"),
        (((*points, points[0]), GRID), "there are 3 point arrays, but values has 2"),
    ):
        with pytest.raises(ValueError, match=words):
            RegularGridInterpolator(*arguments)
    with pytest.raises(ValueError, match="xi have dimension 3, but this RegularGridInterpolator has dimension 2"):
        RegularGridInterpolator(points, GRID)(jnp.zeros((2, 3)))
    with pytest.raises(NotImplementedError, match="bounds_error"):
        RegularGridInterpolator(points, GRID, bounds_error=True)


def test_vector_quantization():
    points, codes = RNG.normal(size=(20, 3)), RNG.normal(size=(6, 3))
    with bevel.enable_x64(True):
        for a, b in ((points, codes), (points[:, 0], codes[:, 0])):
            for found, expected in zip(vq(a, b), scipy.cluster.vq.vq(a, b), strict=True):
                np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-12)
    with pytest.raises(ValueError, match="should have the same rank"):
        vq(points, codes[0])
    with pytest.raises(ValueError, match="ndim different than 1 or 2"):
        vq(points[None], codes[None])
    with pytest.raises(ValueError, match=r"got shapes \(6, 2\) and \(20, 3\)"):
        vq(points, codes[:, :2])


QUATS = np.concatenate([RNG.normal(size=(6, 4)), np.eye(4), [[1, 1, 0, 0], [1e-9, 0, 0, 1.0], [0, 0, -1, -1e-3]]])


def test_rotations_in_all_forms():
    with bevel.enable_x64(True):
        ours, reference = Rotation.from_quat(QUATS), theirs.Rotation.from_quat(QUATS)
        same = lambda found, expected, **k: np.testing.assert_allclose(np.asarray(found), expected, atol=1e-9, **k)
        same(ours.as_quat(), reference.as_quat())
        same(ours.as_quat(canonical=True, scalar_first=True), reference.as_quat(canonical=True, scalar_first=True))
        same(ours.as_matrix(), reference.as_matrix())
        same(np.abs(ours.as_rotvec(degrees=True)), np.abs(reference.as_rotvec(degrees=True)))
        same(ours.magnitude(), reference.magnitude())
        same(np.abs(ours.as_mrp()), np.abs(reference.as_mrp()))
        same(ours.inv().as_matrix(), reference.inv().as_matrix())
        same((ours * ours[2]).as_matrix(), (reference * reference[2]).as_matrix())
        vectors = RNG.normal(size=(len(QUATS), 3))
        same(ours.apply(vectors), reference.apply(vectors))
        same(ours.apply(vectors, inverse=True), reference.apply(vectors, inverse=True))
        same(np.abs(ours.mean().as_quat()), np.abs(reference.mean().as_quat()))
        for form, value in (
            ("matrix", reference.as_matrix()),
            ("rotvec", reference.as_rotvec()),
            ("mrp", reference.as_mrp()),
        ):
            same(getattr(Rotation, f"from_{form}")(value).as_matrix(), reference.as_matrix())
        generic = theirs.Rotation.from_quat(QUATS[:6])
        for seq in ("xyz", "ZYX", "zxz", "YXY", "XZY", "yzx"):
            angles = generic.as_euler(seq)
            same(Rotation.from_euler(seq, angles).as_matrix(), generic.as_matrix())
            same(ours[:6].as_euler(seq), angles)
        same(
            Rotation.from_euler("x", 30, degrees=True).as_matrix(),
            theirs.Rotation.from_euler("x", 30, degrees=True).as_matrix(),
        )
        same(
            Rotation.from_euler("y", [0.1, 0.2]).as_matrix(),
            theirs.Rotation.from_euler("y", [[0.1], [0.2]]).as_matrix(),
        )
        same(Rotation.concatenate([ours[0], ours[1:3]]).as_quat(), reference.as_quat()[:3])
        turned = lambda v, x: Rotation.from_rotvec(v).apply(x)
        check_grads(turned, (np.asarray([0.3, -0.2, 0.5]), np.asarray([1.0, 2.0, 3.0])), order=2)
        at_rest = np.asarray(bevel.jacrev(lambda v: Rotation.from_rotvec(v).as_rotvec())(np.zeros(3)))
        np.testing.assert_allclose(at_rest, np.eye(3), atol=1e-12)
    assert Rotation.identity(2).as_quat().tolist() == [[0, 0, 0, 1]] * 2 and Rotation.identity().single
    drawn = Rotation.random(bevel.random.key(0), 500)
    assert len(drawn) == 500 and np.abs(np.mean(drawn.as_matrix(), axis=0)).max() < 0.1
    assert bevel.jit(lambda r: r.inv())(drawn).single is False


def test_steady_turns():
    with bevel.enable_x64(True):
        quats, times, asked = QUATS[:4], np.asarray([0.0, 1.0, 1.5, 4.0]), np.asarray([0.0, 0.3, 1.0, 1.2, 3.9, 4.0])
        expected = theirs.Slerp(times, theirs.Rotation.from_quat(quats))(asked).as_matrix()
        found = Slerp.init(times, Rotation.from_quat(quats))
        np.testing.assert_allclose(np.asarray(found(asked).as_matrix()), expected, atol=1e-12)
        assert found(0.5).single and np.isnan(np.asarray(found(4.1).quat)).all()


def test_rotations_refuse():
    with pytest.raises(ValueError, match=r"from_quat takes shape \(4\) or \(n, 4\) at .*; got \(5, 3\)"):
        Rotation.from_quat(jnp.zeros((5, 3)))
    with pytest.raises(ValueError, match="one to three of 'xyz'"):
        Rotation.from_euler("xYz", jnp.zeros(3))
    with pytest.raises(ValueError, match="consecutive axes to be different, got xxz"):
        Rotation.from_euler("xxz", jnp.zeros(3))
    with pytest.raises(ValueError, match=r"takes 2 angles, or \(n, 2\)"):
        Rotation.from_euler("xy", jnp.zeros(3))
    with pytest.raises(TypeError, match=r"Single rotation has no len\(\)"):
        len(Rotation.identity())
    with pytest.raises(TypeError, match="not subscriptable"):
        Rotation.identity()[0]
    with pytest.raises(ValueError, match="at least 2 rotations"):
        Slerp.init(jnp.zeros(1), Rotation.identity(1))
    with pytest.raises(ValueError, match="one time a rotation"):
        Slerp.init(jnp.zeros(3), Rotation.identity(2))
    with pytest.raises(TypeError, match="Slerp takes a Rotation"):
        Slerp.init(jnp.zeros(3), jnp.zeros((3, 4)))
