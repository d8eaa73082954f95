"""Runs StableHLO on the CPU with nothing of Bevel above the compiler, so that the engine's tests test the engine."""

from __future__ import annotations

import numpy as np
import pytest

from bevel.engine import jaxlib_names as names


class _Aval:
    def __init__(self, shape, dtype):
        self.shape, self.dtype, self.weak_type = shape, np.dtype(dtype), False


class _Sharding(names.SingleDeviceSharding):
    memory_kind = property(lambda self: self._memory_kind)

    def _to_xla_hlo_sharding(self, rank):
        return names.HloSharding.replicate()


@pytest.fixture(scope="session")
def cpu():
    return names.make_cpu_client(num_devices=1, asynchronous=True)


@pytest.fixture(scope="session")
def one_device_options():
    options = names.CompileOptions()
    options.num_replicas = options.num_partitions = 1
    options.device_assignment = names.DeviceAssignment.create(np.array([[0]]))
    return options


@pytest.fixture(scope="session")
def run_program(cpu, one_device_options):
    """Compiles a program (text, or a module where it has callbacks), runs it, and gives NumPy arrays.

    operands  NumPy arrays
    results   (shape, dtype) of each result
    """
    device = cpu.devices()[0]
    sharding = _Sharding(device)

    def put(value):
        value = np.asarray(value)
        aval = _Aval(value.shape, value.dtype)
        return names.batched_device_put(aval, sharding, [value], [device], True, enable_x64=True)

    def run(program, operands, results, callbacks=(), options=one_device_options, wait=True):
        devices = names.DeviceList((device,))
        executable = program
        if not isinstance(program, names.LoadedExecutable):
            arguments = (program, devices, options, list(callbacks)) if callbacks else (program, devices, options)
            executable = cpu.compile_and_load(*arguments)
        handlers = [names.array_result_handler(_Aval(*result), sharding, True) for result in results]
        arrays = executable.execute_sharded([put(value) for value in operands]).consume_with_handlers(handlers)
        if not wait:
            return arrays
        return [array._single_device_array_to_np_array_did_copy()[0] for array in arrays]

    return run
