"""Random keys that are used twice: `debug_key_reuse` and the `strict` profile look for them. There are no names here.

>>> import bevel
>>> @bevel.jit
... def noise(key): return bevel.random.normal(key) + bevel.random.uniform(key)
>>> try:
...     with bevel.debug_key_reuse(True): noise(bevel.random.key(0))
... except bevel.errors.KeyReuseError as error:
...     print(str(error).splitlines()[0][-54:])
has used already: the same key gives the same numbers.
"""
