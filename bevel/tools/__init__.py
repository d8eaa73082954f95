"""Tools for those who write programs and primitives: the laws, and what explains and measures programs.

`bevel.testing` shows the laws; `python -m bevel doctor` runs the doctor. They look at every floor below from outside.
"""
