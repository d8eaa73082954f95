"""Foreign functions: C++ kernels built here by the system's compiler against XLA's headers, called from programs."""

import ctypes
import shutil
import subprocess
import sysconfig

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import ffi
from bevel.compat.core import ShapedArray
from bevel.compat.interpreters import mlir
from bevel.compat.outside import Primitive
from bevel.control.callbacks import UnmappableCallbackError
from bevel.control.foreign import ForeignCallError
from bevel.ffi import ForeignArgumentError, UnknownTargetError

SOURCE = r"""
#include <cstdint>
#include <string_view>
#include "xla/ffi/api/ffi.h"
namespace ffi = xla::ffi;

// y = scale * x + shift, on every element, whatever the rank
static ffi::Error Affine(float scale, int64_t shift, ffi::Buffer<ffi::F32> x, ffi::ResultBuffer<ffi::F32> y) {
  for (int64_t i = 0; i < static_cast<int64_t>(x.element_count()); ++i)
    y->typed_data()[i] = scale * x.typed_data()[i] + static_cast<float>(shift);
  return ffi::Error::Success();
}
XLA_FFI_DEFINE_HANDLER_SYMBOL(AffineHandler, Affine, ffi::Ffi::Bind().Attr<float>("scale").Attr<int64_t>("shift")
    .Arg<ffi::Buffer<ffi::F32>>().Ret<ffi::Buffer<ffi::F32>>());

// each row of the last axis times the same vector, and how often it was called in all
static int64_t calls = 0;
static ffi::Error Rows(ffi::Buffer<ffi::F32> x, ffi::Buffer<ffi::F32> w, ffi::ResultBuffer<ffi::F32> y,
                       ffi::ResultBuffer<ffi::S32> count) {
  int64_t n = w.dimensions().back();
  if (n == 13) return ffi::Error(ffi::ErrorCode::kInvalidArgument, "thirteen is refused");
  for (int64_t i = 0; i < static_cast<int64_t>(x.element_count()); ++i)
    y->typed_data()[i] = x.typed_data()[i] * w.typed_data()[i % n];
  ++calls;
  for (int64_t i = 0; i < static_cast<int64_t>(count->element_count()); ++i) count->typed_data()[i] = calls;
  return ffi::Error::Success();
}
XLA_FFI_DEFINE_HANDLER_SYMBOL(RowsHandler, Rows, ffi::Ffi::Bind().Arg<ffi::Buffer<ffi::F32>>()
    .Arg<ffi::Buffer<ffi::F32>>().Ret<ffi::Buffer<ffi::F32>>().Ret<ffi::Buffer<ffi::S32>>());

// the elements in the order of memory
static ffi::Error Memory(ffi::Buffer<ffi::F32> x, ffi::ResultBuffer<ffi::F32> y) {
  for (int64_t i = 0; i < static_cast<int64_t>(x.element_count()); ++i) y->typed_data()[i] = x.typed_data()[i];
  return ffi::Error::Success();
}
XLA_FFI_DEFINE_HANDLER_SYMBOL(MemoryHandler, Memory, ffi::Ffi::Bind().Arg<ffi::Buffer<ffi::F32>>()
    .Ret<ffi::Buffer<ffi::F32>>());

// the length of a text, the sum of a list, a number of a dict
static ffi::Error Words(std::string_view s, ffi::Span<const int64_t> list, ffi::Dictionary more, bool negate,
                        ffi::ResultBuffer<ffi::F64> y) {
  double total = static_cast<double>(s.size());
  for (int64_t v : list) total += static_cast<double>(v);
  auto extra = more.get<double>("extra");
  if (extra.has_error()) return extra.error();
  total += *extra;
  y->typed_data()[0] = negate ? -total : total;
  return ffi::Error::Success();
}
XLA_FFI_DEFINE_HANDLER_SYMBOL(WordsHandler, Words, ffi::Ffi::Bind().Attr<std::string_view>("s")
    .Attr<ffi::Span<const int64_t>>("list").Attr<ffi::Dictionary>("more").Attr<bool>("negate")
    .Ret<ffi::Buffer<ffi::F64>>());
"""

compiler = shutil.which("g++") or shutil.which("clang++")
on_cpu = bevel.default_backend() == "cpu"
pytestmark = pytest.mark.skipif(not on_cpu, reason="the kernels are for CPUs")


@pytest.fixture(scope="session")
def kernels(tmp_path_factory):
    if compiler is None:
        pytest.skip("there is no C++ compiler here (g++ or clang++)")
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "kernels.cc").write_text(SOURCE)
    library = folder / f"kernels{sysconfig.get_config_var('SHLIB_SUFFIX') or '.so'}"
    command = [compiler, "-std=c++17", "-O1", "-fPIC", "-shared", "-I", ffi.include_dir(), "kernels.cc", "-o", library]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = ctypes.cdll.LoadLibrary(str(library))
    for name in ("Affine", "Rows", "Memory", "Words"):
        ffi.register_ffi_target(f"test_{name.lower()}", ffi.pycapsule(getattr(loaded, f"{name}Handler")))
    return loaded


X = jnp.arange(6.0).reshape(2, 3)
SAME = bevel.ShapeDtypeStruct((2, 3), np.float32)
VECTOR = bevel.ShapeDtypeStruct((3,), np.float32)
COUNT = bevel.ShapeDtypeStruct((), np.int32)


TWO = np.float32(2)


def affine(x, scale=TWO, shift=1):
    return ffi.ffi_call("test_affine", bevel.ShapeDtypeStruct(x.shape, x.dtype))(x, scale=scale, shift=shift)


@pytest.mark.slow
def test_a_kernel_runs_eagerly_and_in_programs(kernels):
    assert affine(X).tolist() == bevel.jit(affine)(X).tolist() == (2 * X + 1).tolist()
    inside = bevel.jit(lambda x: bevel.lax.fori_loop(0, 3, lambda _, x: affine(x), x) + 1)
    assert inside(X).tolist() == (8 * X + 7 + 1).tolist()
    assert bevel.jit(lambda x: affine(x, np.float32(3), -2))(X).tolist() == (3 * X - 2).tolist()


@pytest.mark.slow
def test_attributes_of_every_kind(kernels):
    words = ffi.ffi_call("test_words", bevel.ShapeDtypeStruct((1,), np.float64))
    given = dict(s="four", list=np.array([1, 2, 3]), more={"extra": 0.5}, negate=True)
    assert bevel.jit(lambda: words(**given))().tolist() == [-10.5]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sequential", "broadcast_all", "expand_dims", "legacy_vectorized"])
def test_mapped_over_examples(kernels, method):
    w = jnp.array([1.0, 10.0, 100.0])
    rows = lambda x, w: ffi.ffi_call("test_rows", (VECTOR, COUNT), vmap_method=method)(x, w)
    y, counts = bevel.vmap(rows, in_axes=(0, None))(X, w)
    assert y.tolist() == (X * w).tolist()
    assert len(set(counts.tolist())) == (2 if method == "sequential" else 1)  # called for each, or once for all


@pytest.mark.slow
def test_layouts(kernels):
    memory = lambda **more: ffi.ffi_call("test_memory", SAME, **more)(X).ravel().tolist()
    assert memory() == [0, 1, 2, 3, 4, 5]
    assert memory(input_layouts=[(1, 0)]) == [0, 3, 1, 4, 2, 5]  # columns first
    assert memory(input_layouts=[(1, 0)], output_layouts=(1, 0)) == [0, 1, 2, 3, 4, 5]


@pytest.mark.slow
def test_memory_is_shared_where_asked(kernels):
    f = bevel.jit(ffi.ffi_call("test_memory", SAME, input_output_aliases={0: 0}))
    assert "output_operand_alias" in f.lower(X).as_text()
    assert f(X).tolist() == X.tolist()


@pytest.mark.slow
def test_side_effects_happen_though_nobody_reads_the_results(kernels):
    w = jnp.ones(3)
    count = lambda: int(ffi.ffi_call("test_rows", (VECTOR, COUNT))(w, w)[1])

    def unread(side):
        before = count()
        bevel.jit(lambda x: (ffi.ffi_call("test_rows", (VECTOR, COUNT), has_side_effect=side)(x, x), x)[1])(w)
        return count() - before

    assert (unread(True), unread(False)) == (2, 1)


@pytest.mark.slow
def test_the_kernels_own_error_reaches_the_user(kernels):
    w = jnp.ones(13)
    struct = (bevel.ShapeDtypeStruct((13,), np.float32), COUNT)
    with pytest.raises(bevel.errors.JaxRuntimeError, match="thirteen is refused"):
        bevel.block_until_ready(ffi.ffi_call("test_rows", struct)(w, w))
    assert affine(X).tolist() == (2 * X + 1).tolist()


@pytest.mark.slow
def test_as_the_lowering_of_a_primitive(kernels):
    p = Primitive("affine")
    p.def_abstract_eval(lambda x, *, scale, shift: ShapedArray(x.shape, x.dtype))
    mlir.register_lowering(p, ffi.ffi_lowering("test_affine"))
    assert bevel.jit(lambda x: p.bind(x, scale=np.float32(2), shift=1))(X).tolist() == (2 * X + 1).tolist()


@pytest.mark.slow
def test_derivatives_around_a_kernel(kernels):
    f = bevel.custom_jvp(lambda x: affine(x))
    f.defjvp(lambda primals, tangents: (f(*primals), 2 * tangents[0]))
    assert bevel.grad(lambda x: f(x).sum())(X).tolist() == [[2, 2, 2]] * 2


# ---- what needs no compiler


def test_a_target_that_nobody_registered():
    with pytest.raises(UnknownTargetError, match=r"'nowhere'.*not in|'nowhere'[\s\S]*Register it first"):
        ffi.ffi_call("nowhere", SAME)(X)


def test_no_derivative_and_no_batch_without_being_told():
    call = ffi.ffi_call("nowhere", SAME)
    with pytest.raises(ForeignCallError, match="custom_jvp or bevel.custom_vjp"):
        bevel.grad(lambda x: call(x).sum())(X)
    with pytest.raises(UnmappableCallbackError, match='"sequential"'):
        bevel.make_jaxpr(bevel.vmap(call))(X[None])


def test_prints_as_jax_does():
    call = ffi.ffi_call("nowhere", [VECTOR], vmap_method="expand_dims", input_layouts=[None, (1, 0)])
    text = str(bevel.make_jaxpr(lambda x, y: call(x, y, n=3, s="a", d={"u": 1}, v=np.arange(2)))(X[0], X))
    assert text == (
        "{ lambda ; a:f32[3] b:f32[2,3]. let\n"
        "    c:f32[3] = ffi_call[\n"
        "      attributes=(('d', FrozenDict({'u': 1})), ('n', 3), ('s', 'a'), ('v', HashableArray(array([0, 1]))))\n"
        "      custom_call_api_version=4\n"
        "      has_side_effect=False\n"
        "      input_layouts=((0,), (0, 1))\n"
        "      input_output_aliases=()\n"
        "      legacy_backend_config=None\n"
        "      output_layouts=((0,),)\n"
        "      result_avals=(ShapedArray(float32[3]),)\n"
        "      target_name=nowhere\n"
        "      vmap_method=expand_dims\n"
        "    ] a b\n"
        "  in (c,) }"
    )


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: ffi.ffi_call("f", SAME, vmap_method="all"), "no vmap_method 'all'"),
        (lambda: ffi.ffi_call("f", 3), "declares 3 as result 0, which has no shape"),
        (lambda: ffi.ffi_call("f", SAME, legacy_backend_config="a"), "below 4; got 4"),
        (lambda: ffi.ffi_call("f", SAME, custom_call_api_version=2)(X, a=1), r"Attributes \(a\) need"),
        (lambda: ffi.ffi_call("f", SAME, input_layouts=[])(X), "has 1 inputs, and 0 input_layouts"),
        (lambda: ffi.ffi_call("f", SAME, input_layouts=[(0,)])(X), r"\(0,\) is no order of the 2 axes of input 0"),
        (lambda: ffi.ffi_call("f", SAME, input_output_aliases={3: 0})(X), "names argument 3; there are 1"),
        (lambda: ffi.ffi_call("f", SAME, input_output_aliases={0: 2})(X), "names result 2; there are 1"),
        (lambda: ffi.ffi_call("f", VECTOR, input_output_aliases={0: 0})(X), r"lets f32\[2,3\] and f32\[3\] share"),
        (
            lambda: ffi.ffi_call("f", SAME, output_layouts=(1, 0), input_output_aliases={0: 0})(X),
            "share memory, in different layouts",
        ),
    ],
)
def test_refusals(make, words):
    with pytest.raises(ForeignArgumentError, match=words):
        make()


def test_an_attribute_that_no_program_can_hold():
    with pytest.raises(TypeError, match=r"The attribute a of the foreign call of 'f' is an array"):
        ffi.ffi_call("f", SAME)(X, a=X)
    with pytest.raises(TypeError, match="No MLIR attribute stands for an object"):
        bevel.jit(lambda x: ffi.ffi_call("xla_ffi_python_cpu_callback", SAME)(x, a=object()))(X)
