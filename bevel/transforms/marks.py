"""What a module says of its arguments and results: whose memory is free; on which devices they lie, in which memory."""

from __future__ import annotations

from bevel.core.jaxpr import memories_of_results
from bevel.engine import builder
from bevel.engine.builder import mlir


def mark(module, operation, jaxpr, offset, donated):
    """Marks the module's main function, which takes `offset` hidden arguments before those of the jaxpr."""
    arguments: list[dict] = [{} for _ in operation.arguments]
    kinds = mlir.ir.FunctionType(mlir.ir.TypeAttr(operation.attributes["function_type"]).value).results
    results: list[dict] = [{} for _ in kinds]
    _give_memory(module, arguments, jaxpr, offset, donated)
    _place_in_memories(module, results, jaxpr)
    if module.layout is not None:
        _place_on_devices(module, arguments, [a.type for a in operation.arguments], results, kinds)
    if any(arguments):
        operation.arg_attrs = _written(arguments)
    if any(results):
        operation.attributes["res_attrs"] = _written(results)


def _written(marks):
    return mlir.ir.ArrayAttr.get([mlir.ir.DictAttr.get(mark) for mark in marks])


def _give_memory(module, arguments, jaxpr, offset, donated):
    """Which arguments' memory results take over: by position where a result of the same type is free.

    On several devices XLA finds which result takes over what.
    """
    if not donated:
        return
    free: dict = {}
    for index, var in reversed(list(enumerate(jaxpr.outvars))):
        free.setdefault(builder.physical(var.aval).strip_weak_type(), []).append(index)
    for position in donated:
        results = free.get(builder.physical(jaxpr.invars[position].aval).strip_weak_type())
        if results and module.layout is None:
            arguments[offset + position]["tf.aliasing_output"] = builder.i32(results.pop())
        else:
            arguments[offset + position]["jax.buffer_donor"] = builder.boolean(True)


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
