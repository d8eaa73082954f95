"""Foreign functions on an NVIDIA GPU: a CUDA kernel built here by nvcc, called from programs."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

import bevel
import bevel.numpy as jnp
from bevel import ffi, lax

SOURCE = r"""
#include <cstdint>
#include "xla/ffi/api/ffi.h"
#include <cuda_runtime.h>
namespace ffi = xla::ffi;

__global__ void scaled_add(int64_t n, float scale, const float* x, const float* y, float* z) {
  int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
  if (i < n) z[i] = scale * x[i] + y[i];
}

// z = scale * x + y, on every element
static ffi::Error ScaledAdd(cudaStream_t stream, float scale, ffi::Buffer<ffi::F32> x, ffi::Buffer<ffi::F32> y,
                            ffi::ResultBuffer<ffi::F32> z) {
  int64_t n = x.element_count();
  if (n == 13) return ffi::Error(ffi::ErrorCode::kInvalidArgument, "thirteen is refused");
  scaled_add<<<(n + 255) / 256, 256, 0, stream>>>(n, scale, x.typed_data(), y.typed_data(), z->typed_data());
  cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) return ffi::Error(ffi::ErrorCode::kInternal, cudaGetErrorString(error));
  return ffi::Error::Success();
}
XLA_FFI_DEFINE_HANDLER_SYMBOL(ScaledAddHandler, ScaledAdd, ffi::Ffi::Bind().Ctx<ffi::PlatformStream<cudaStream_t>>()
    .Attr<float>("scale").Arg<ffi::Buffer<ffi::F32>>().Arg<ffi::Buffer<ffi::F32>>().Ret<ffi::Buffer<ffi::F32>>());
"""

compiler = shutil.which("nvcc") or shutil.which("nvcc", path="/usr/local/cuda/bin")
pytestmark = [
    pytest.mark.skipif(bevel.default_backend() != "gpu", reason="there is no GPU here"),
    pytest.mark.skipif(compiler is None, reason="there is no CUDA compiler here (nvcc)"),
]


@pytest.fixture(scope="module", autouse=True)
def kernels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "kernels.cu").write_text(SOURCE)
    command = [compiler, "-std=c++17", "-O1", "-Xcompiler", "-fPIC", "-shared", "-I", ffi.include_dir()]
    done = subprocess.run([*command, "kernels.cu", "-o", "kernels.so"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = ctypes.cdll.LoadLibrary(str(folder / "kernels.so"))
    ffi.register_ffi_target("test_scaled_add", ffi.pycapsule(loaded.ScaledAddHandler), platform="cuda")
    return loaded


def scaled_add(x, y, scale=2.0):
    call = ffi.ffi_call("test_scaled_add", bevel.ShapeDtypeStruct(x.shape, x.dtype), vmap_method="broadcast_all")
    return call(x, y, scale=np.float32(scale))


X, Y = jnp.arange(6.0).reshape(2, 3), jnp.ones((2, 3))


def test_a_kernel_runs_eagerly_in_programs_and_mapped():
    expected = 2 * np.arange(6.0).reshape(2, 3) + 1
    np.testing.assert_array_equal(scaled_add(X, Y), expected)
    np.testing.assert_array_equal(bevel.jit(lambda x: scaled_add(x, Y) * 2)(X), 2 * expected)
    np.testing.assert_array_equal(bevel.vmap(scaled_add, in_axes=(0, None))(X, Y[0]), expected)
    repeated = lax.fori_loop(0, 3, lambda _, x: scaled_add(x, Y), X)
    np.testing.assert_array_equal(repeated, 8 * np.arange(6.0).reshape(2, 3) + 7)


def test_a_kernel_has_the_derivative_it_is_given():
    @bevel.custom_jvp
    def f(x, y):
        return scaled_add(x, y)

    f.defjvp(lambda primals, tangents: (f(*primals), 2 * tangents[0] + tangents[1]))
    np.testing.assert_array_equal(bevel.grad(lambda x: f(x, Y).sum())(X), np.full((2, 3), 2.0))


def test_what_a_kernel_refuses_is_raised_and_the_process_goes_on():
    with pytest.raises(Exception, match="thirteen is refused"):
        scaled_add(jnp.ones(13), jnp.ones(13)).block_until_ready()
    np.testing.assert_array_equal(scaled_add(jnp.ones(3), jnp.ones(3)), np.full(3, 3.0))
