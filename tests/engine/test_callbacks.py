"""Callbacks get what the program holds, give what it reads, and their exceptions arrive whole."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import ml_dtypes
import numpy as np
import pytest

from bevel.base.errors import DTypeError, EngineError, ShapeError
from bevel.engine import callbacks
from bevel.engine.callbacks import CallbackTable
from bevel.engine.jaxlib_names import DeviceList, JaxRuntimeError, mlir

TYPES = {
    "float32": "f32", "float64": "f64", "int32": "i32", "uint32": "ui32", "bool": "i1", "complex64": "complex<f32>",
    "bfloat16": "bf16", "int4": "i4", "float8_e4m3fn": "f8E4M3FN", "float16": "f16", "int64": "i64", "uint8": "ui8",
}  # fmt: skip


class Result:
    def __init__(self, shape, dtype="float32"):
        self.shape, self.dtype = shape, np.dtype(dtype)


def program(table_index, operands, results, has_side_effect=True, transposed=False):
    """A module that passes its arguments (the first transposed, if asked) to one callback and returns its results."""
    m = mlir()
    ir = m.ir
    with m.new_context(), ir.Location.unknown():
        module = ir.Module.create()

        def tensor(of):
            name = TYPES[of.dtype.name]
            return ir.RankedTensorType.get(of.shape, ir.Type.parse(name))

        with ir.InsertionPoint(module.body):
            kind = ir.FunctionType.get([tensor(o) for o in operands], [tensor(r) for r in results])
            function = m.func.FuncOp("main", kind)
            with ir.InsertionPoint(function.add_entry_block()):
                values = list(function.arguments)
                if transposed:
                    values[0] = m.stablehlo.transpose(values[0], ir.DenseI64ArrayAttr.get([1, 0]))
                call = callbacks.custom_call(table_index, values, [tensor(r) for r in results], "cpu", has_side_effect)
                m.func.ReturnOp(list(call.results))
        return module


@pytest.fixture
def call(run_program):
    """Runs one callback in a program: operands in, results out."""

    def run(function, operands, results, name=None, **options):
        table = CallbackTable()
        index = table.add(function, results, name)
        operands = [np.asarray(o) for o in operands]
        module = program(index, [Result(o.shape, o.dtype) for o in operands], results, **options)
        return run_program(module, operands, [(r.shape, r.dtype) for r in results], table.callables)

    return run


X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_operands_and_results_are_numpy_arrays(call):
    def scaled(x, y):
        assert type(x) is np.ndarray
        assert not x.flags.writeable
        return [x * y, y + 1]

    product, successor = call(scaled, [X, np.float32(2)], [Result((2, 3)), Result(())])
    np.testing.assert_array_equal(product, X * 2)
    assert successor == 3
    assert successor.shape == ()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 3), (3, 0, 2)])
def test_every_dtype_and_shape_goes_through(call, dtype, shape):
    if dtype == "int4" and shape not in [(1,), (2, 3)]:
        pytest.skip("one case of each size is enough where two numbers share a byte")
    x = np.ones(shape, dtype if dtype in np.sctypeDict else getattr(ml_dtypes, dtype))
    seen = []
    [y] = call(lambda v: (seen.append(v), v.copy())[1], [x], [Result(shape, x.dtype)])
    assert seen[0].dtype == x.dtype
    assert seen[0].shape == y.shape == shape
    np.testing.assert_array_equal(y, x)


def test_rows_come_first_whatever_made_the_operand(call):
    strides = []
    [y] = call(lambda v: (strides.append(v.strides), v * 1)[1], [X], [Result((3, 2))], transposed=True)
    np.testing.assert_array_equal(y, X.T)
    assert strides == [(8, 4)]


def test_a_kept_operand_stays_valid(call):
    kept = []
    call(lambda v: (kept.append(v), v + 1)[1], [X], [Result((2, 3))])
    gc.collect()
    np.testing.assert_array_equal(kept[0], X)


@pytest.mark.parametrize(
    "given",
    [X[:, ::-1], np.asfortranarray(X), X.astype(np.float64), X.tolist(), np.broadcast_to(np.float32(1), (2, 3))],
    ids=["reversed", "columns first", "float64", "list", "broadcast"],
)
def test_results_of_any_memory_and_wider_type_are_read_right(call, given):
    [y] = call(lambda _: (given,), [X], [Result((2, 3))])
    np.testing.assert_array_equal(y, np.asarray(given))


def test_no_results(call):
    seen = []
    assert call(lambda v: seen.append(v.sum()), [X], []) == []
    assert seen == [15]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (lambda v: (), ShapeError, r"callback wrong gave 0 results; 1 result declared"),
        (lambda v: (v, v), ShapeError, r"gave 2 results"),
        (lambda v: None, ShapeError, r"gave shape \(\) for result 0"),
        (lambda v: v[0], ShapeError, r"gave shape \(3,\) for result 0; \(2, 3\) is declared"),
        (lambda v: v.astype(np.int32), DTypeError, r"gave int32 for result 0; float32 is declared"),
        (lambda v: v.astype(np.float16), DTypeError, r"gave float16"),
        (lambda v: v + 1j, DTypeError, r"gave complex64"),
        (lambda v: np.full((2, 3), "a"), DTypeError, r"gave <U1"),
    ],
)
def test_results_that_do_not_fit_are_refused(call, given, error, words):
    with pytest.raises(JaxRuntimeError) as raised:
        call(given, [X], [Result((2, 3))], name="wrong")
    with pytest.raises(error, match=words):
        raise callbacks.original(raised.value)


class UserError(Exception):
    def __init__(self, number, text):
        super().__init__(number, text)
        self.number = number


def failing(v):
    raise UserError(7, "the user's words")


def test_an_exception_arrives_whole(call):
    with pytest.raises(JaxRuntimeError, match=r"UserError in the callback failing: .*the user's words") as raised:
        call(failing, [X], [Result((2, 3))])
    found = callbacks.original(raised.value)
    assert type(found) is UserError
    assert found.number == 7
    assert found.__traceback__.tb_frame.f_code is failing.__code__
    with pytest.raises(UserError):
        raise found
    again = callbacks.original(raised.value)  # several arrays may carry one failure
    assert again is found
    assert again.__traceback__.tb_next is None  # and it has not grown by being raised
    [y] = call(lambda v: v + 1, [X], [Result((2, 3))])  # the process lives
    np.testing.assert_array_equal(y, X + 1)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_ordinary_exception_arrives_too(call, stop):
    def stopping(v):
        raise stop()

    with pytest.raises(JaxRuntimeError) as raised:
        call(stopping, [X], [Result((2, 3))])
    assert type(callbacks.original(raised.value)) is stop


def test_other_errors_have_no_original():
    assert callbacks.original(ValueError("something else")) is None
    assert callbacks.original(JaxRuntimeError("Bevel keeps it as callback error 999999999")) is None


def test_threads_get_each_its_own_exception(run_program):
    table = CallbackTable()

    def failing_with(v):
        raise UserError(int(v[0]), "")

    index = table.add(failing_with, [Result((1,))])
    modules = [program(index, [Result((1,))], [Result((1,))]) for _ in range(6)]  # MLIR's contexts are for one thread
    wrong = []

    def work(number):
        try:
            run_program(modules[number], [np.float32([number])], [((1,), "float32")], table.callables)
        except JaxRuntimeError as error:
            found = callbacks.original(error)
            if found is None or found.number != number:
                wrong.append((number, found))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_few_exceptions_are_kept(call):
    class Big:
        pass

    def raising(v):
        big = Big()
        alive.append(weakref.ref(big))
        raise UserError(0, "")

    alive = []
    for _ in range(callbacks._KEPT_ERRORS + 4):
        with pytest.raises(JaxRuntimeError) as raised:
            call(raising, [X], [Result((2, 3))])
        assert type(callbacks.original(raised.value)) is UserError
    del raised
    gc.collect()
    assert sum(reference() is not None for reference in alive) <= callbacks._KEPT_ERRORS
    callbacks.forget_errors()
    sys.last_exc = None
    gc.collect()
    assert sum(reference() is not None for reference in alive) <= 1  # pytest may hold the last one


def test_exceptions_on_their_way_wait_for_one_another():
    """As many threads as fail at once, each asks for its own afterwards."""
    wrapped = CallbackTable()
    for number in range(3 * callbacks._KEPT_ERRORS):
        wrapped.add(lambda number=number: failing_with(number), [])
    passing = []
    for call in wrapped.callables:
        with pytest.raises(callbacks._Stashed) as raised:
            call()
        passing.append(str(raised.value))
    found = [callbacks.original(JaxRuntimeError(text)) for text in passing]
    assert [error.number for error in found] == list(range(len(passing)))


def failing_with(number):
    raise UserError(number, "")


class Silent(Exception):
    def __str__(self):
        raise RuntimeError("this exception has no text")


@pytest.mark.parametrize("error", [
    ValueError("half a pair \ud800"), ValueError("a \0 inside"), ValueError("x" * 1_000_000), Silent(),
], ids=["surrogate", "zero", "long", "silent"])  # fmt: skip
def test_any_text_of_an_exception_passes(call, error):
    def raising(v):
        raise error

    with pytest.raises(JaxRuntimeError) as raised:
        call(raising, [X], [Result((2, 3))])
    assert callbacks.original(raised.value) is error


def test_several_callbacks_in_one_program(run_program):
    m = mlir()
    ir = m.ir
    table = CallbackTable()
    first = table.add(lambda v: v + 1, [Result((2,))])
    second = table.add(lambda v: v * 10, [Result((2,))])
    assert (first, second, len(table)) == (0, 1, 2)
    with m.new_context(), ir.Location.unknown():
        module = ir.Module.create()
        kind = ir.RankedTensorType.get((2,), ir.F32Type.get())
        with ir.InsertionPoint(module.body):
            function = m.func.FuncOp("main", ir.FunctionType.get([kind], [kind]))
            with ir.InsertionPoint(function.add_entry_block()):
                value = function.arguments[0]
                for index in (first, second, first):
                    [value] = callbacks.custom_call(index, [value], [kind], "cpu").results
                m.func.ReturnOp([value])
    [y] = run_program(module, [np.float32([1, 2])], [((2,), "float32")], table.callables)
    np.testing.assert_array_equal(y, [21, 31])


def test_without_side_effect_an_unused_call_is_dropped(run_program):
    """And with one it stays: the compiler must not lose a print."""
    m = mlir()
    ir = m.ir
    for has_side_effect in (True, False):
        seen = []
        table = CallbackTable()
        index = table.add(lambda v, seen=seen: (seen.append(1), v)[1], [Result((2,))])
        with m.new_context(), ir.Location.unknown():
            module = ir.Module.create()
            kind = ir.RankedTensorType.get((2,), ir.F32Type.get())
            with ir.InsertionPoint(module.body):
                function = m.func.FuncOp("main", ir.FunctionType.get([kind], [kind]))
                with ir.InsertionPoint(function.add_entry_block()):
                    callbacks.custom_call(index, [function.arguments[0]], [kind], "cpu", has_side_effect)
                    m.func.ReturnOp([function.arguments[0]])
        run_program(module, [np.float32([1, 2])], [((2,), "float32")], table.callables)
        assert len(seen) == has_side_effect


def test_a_serialised_program_takes_new_functions(cpu, run_program, one_device_options):
    table = CallbackTable()
    module = program(table.add(lambda v: v + 1, [Result((2, 3))]), [Result((2, 3))], [Result((2, 3))])
    devices = DeviceList((cpu.devices()[0],))
    executable = cpu.compile_and_load(module, devices, one_device_options, table.callables)
    other = CallbackTable()
    other.add(lambda v: v * 100, [Result((2, 3))])
    raw = cpu.serialize_executable(executable)
    again = cpu.deserialize_executable(raw, devices, one_device_options, other.callables)
    [y] = run_program(again, [X], [((2, 3), "float32")])
    np.testing.assert_array_equal(y, X * 100)


def test_a_platform_without_python_is_named():
    with pytest.raises(EngineError, match=r"platform 'tpu' cannot call Python"):
        callbacks.custom_call(0, [], [], "tpu")
