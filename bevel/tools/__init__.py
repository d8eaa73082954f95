"""Tools for those who write programs and primitives: the laws, and what explains and measures programs."""
