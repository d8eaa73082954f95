"""Why jit traces a function again: which argument, static value or setting differs from the traces that it has."""

from __future__ import annotations

from bevel.base import settings
from bevel.core.tree_difference import describe_mismatch

# A trace's key: (tree, avals, (count, statics by position, statics by name, their types), settings, values taken as
# static, (named axes around, those of them that are axes of shard_map and pmap)).


def explain(name, key, known, names, parameters) -> str:
    """The letter: what sets this key apart from the nearest of those known.

    names        what the user calls the array arguments
    parameters   the names of the function's parameters, by position; empty where they are not known
    """
    if not known:
        return f"jit({name}) traces for the first time."
    near = [other for other in known if other[0] == key[0]] or known
    differences = min((_differences(key, other, names, parameters) for other in near), key=len)
    count = len(known)
    head = f"jit({name}) traces again, and compiles; it has {count} trace{'s' * (count != 1)}. From the nearest differ:"
    return "\n".join([head, *[f"  {line}" for line in differences]])


def _differences(key, other, names, parameters) -> list[str]:
    tree, avals, (_, positions, keywords, _), setting, by_value, (axes, mesh_axes) = key
    old_tree, old_avals, (_, old_positions, old_keywords, _), old_setting, old_by_value, (old_axes, old_mesh_axes) = (
        other
    )
    if tree != old_tree:
        return [
            "the structure of the arguments: "
            + describe_mismatch(old_tree, tree.unflatten([0] * tree.num_leaves), "before", "now").replace("\n", " ")
        ]
    found = [
        f"{names[i]}: {_kind(before)} before, {_kind(now)} now"
        for i, (now, before) in enumerate(zip(avals, old_avals, strict=True))
        if now != before
    ]
    for now, before in ((dict(positions), dict(old_positions)), (dict(keywords), dict(old_keywords))):
        for which in now.keys() | before.keys():
            old, new = before.get(which, "absent"), now.get(which, "absent")
            if type(old) is not type(new) or old != new:
                called = parameters[which] if isinstance(which, int) and which < len(parameters) else which
                found.append(f"static argument {called}: {old!r} before, {new!r} now")
    for i, value in by_value:
        earlier = dict(old_by_value).get(i)
        if earlier != value:
            found.append(f"{names[i]}, whose value tracing needs: {earlier!r} before, {value!r} now")
    if setting != old_setting:
        changed = [
            f"{option}: {a!r} before, {b!r} now"
            for option, a, b in zip(settings.trace_key_names(), old_setting, setting, strict=True)
            if a != b
        ]
        found.append(f"settings: {'; '.join(changed)}")
    if axes != old_axes:
        found.append(f"named axes around the call: {old_axes} before, {axes} now")
    if mesh_axes != old_mesh_axes:
        found.append(f"axes of shard_map and pmap among them: {old_mesh_axes} before, {mesh_axes} now")
    return found or ["nothing that can be named"]


def _kind(aval) -> str:
    if aval is None:
        return "a string"
    return aval.str_short() + (" of a weak type" if aval.weak_type else "")
