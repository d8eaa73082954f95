"""What a module says of its arguments and results: whose memory is free; on which devices they lie, in which memory."""

from __future__ import annotations

from bevel.core.jaxpr import memories_of_results
from bevel.engine import builder
from bevel.engine.builder import mlir
from bevel.ops.layout import Layout
from bevel.transforms.orders import check_tiling, written


def mark(module, operation, jaxpr, offset, donated, orders=None):
    """Marks the module's main function, which takes `offset` hidden arguments before those of the jaxpr.

    orders   an `orders.Orders`: how the axes of arguments and results lie in memory
    """
    arguments: list[dict] = [{} for _ in operation.arguments]
    kinds = mlir.ir.FunctionType(mlir.ir.TypeAttr(operation.attributes["function_type"]).value).results
    results: list[dict] = [{} for _ in kinds]
    _give_memory(module, arguments, jaxpr, offset, donated, orders)
    _place_in_memories(module, results, jaxpr)
    if module.layout is not None:
        _place_on_devices(module, arguments, [a.type for a in operation.arguments], results, kinds)
    if orders is not None:
        for marks, layouts in ((arguments[offset:], orders.arguments), (results, orders.results)):
            for one, layout in zip(marks, layouts, strict=False):
                if layout is not None:
                    check_tiling(layout, module.platform)
                    one["mhlo.layout_mode"] = builder.string(written(layout))
    if any(arguments):
        operation.arg_attrs = _written(arguments)
    if any(results):
        operation.attributes["res_attrs"] = _written(results)


def _written(marks):
    return mlir.ir.ArrayAttr.get([mlir.ir.DictAttr.get(mark) for mark in marks])


def _give_memory(module, arguments, jaxpr, offset, donated, orders):
    """Which arguments' memory results take over: by position where a result of the same type and order is free.

    On several devices XLA finds which result takes over what.
    """
    if not donated:
        return
    free: dict = {}
    for index, var in reversed(list(enumerate(jaxpr.outvars))):
        free.setdefault(_kind(var, orders and orders.results, index), []).append(index)
    for position in donated:
        results = free.get(_kind(jaxpr.invars[position], orders and orders.arguments, position))
        if results and module.layout is None:
            arguments[offset + position]["tf.aliasing_output"] = builder.i32(results.pop())
        else:
            arguments[offset + position]["jax.buffer_donor"] = builder.boolean(True)


def _kind(var, layouts, position):
    """What two values have in common that can lie in the same memory; nothing, where the compiler chooses how."""
    aval = builder.physical(var.aval).strip_weak_type()
    layout = layouts[position] if layouts else None
    if layout is Layout.AUTO:
        return var
    rows = tuple(range(len(aval.shape)))
    return aval, rows if layout is None else layout.major_to_minor


def _place_in_memories(module, results, jaxpr):
    """Which results were put into another memory: XLA wants to know of those of the whole program."""
    if module.platform == "cpu":
        return
    module.out_memories = memories_of_results(jaxpr)
    for result, memory in zip(results, module.out_memories or (), strict=False):
        if memory is not None:
            result["mhlo.memory_kind"] = builder.string(memory)


def _place_on_devices(module, arguments, argument_types, results, result_types):
    """How each argument lies over several devices; and each result, where the user says so."""
    from bevel.ops.shardings import sdy  # loaded where a program names a mesh

    layout, attributes = module.layout, module.module.operation.attributes
    attributes["mhlo.num_partitions"] = builder.i32(len(layout.devices))
    attributes["mhlo.num_replicas"] = builder.i32(1)
    for marks, shardings, types in (
        (arguments, [*layout.hidden, *layout.arguments], argument_types),
        (results, layout.results, result_types),
    ):
        for mark, sharding, kind in zip(marks, shardings, types, strict=True):
            if sharding is not None:
                mark["sdy.sharding"] = sdy(module, sharding, kind.rank)
