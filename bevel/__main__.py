"""`python -m bevel`: run programs written for JAX, look at this installation, look after the cache of programs."""

from __future__ import annotations

import argparse
import runpy
import sys


def _run(options) -> int:
    from bevel import compat

    compat.install(options.profile)
    program, *arguments = options.program
    if options.module:
        sys.argv = [program, *arguments]
        sys.path.insert(0, "")
        runpy.run_module(program, run_name="__main__", alter_sys=True)
        return 0
    if not _exists(program):
        print(f"bevel run: there is no file {program!r} here. A module is run by: bevel run -m name", file=sys.stderr)
        return 2
    sys.argv = [program, *arguments]
    sys.path.insert(0, _folder(program))
    runpy.run_path(program, run_name="__main__")
    return 0


def _exists(path) -> bool:
    import os

    return os.path.exists(path)


def _folder(path) -> str:
    import os

    return os.path.dirname(os.path.abspath(path))


def _doctor(options) -> int:
    from bevel.tools import doctor

    return doctor.main()


def _cache(options) -> int:
    from bevel.engine import disk_cache

    if options.clear:
        print(f"{disk_cache.clear()} programs removed.")
    else:
        print(disk_cache.stats())
    return 0


def main(argv=None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bevel", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="run a program written for JAX, on Bevel")
    run.add_argument("-m", dest="module", action="store_true", help="the program is a module, as in python -m")
    run.add_argument(
        "--profile",
        choices=("compat", "default", "strict"),
        default="compat",
        help="sharp edges: as JAX has them (compat), with warnings (default), as errors (strict)",
    )
    run.add_argument("program", nargs=argparse.REMAINDER, help="the program and its arguments")
    run.set_defaults(do=_run)
    doctor = commands.add_parser("doctor", help="what is installed here, and whether it works")
    doctor.set_defaults(do=_doctor)
    cache = commands.add_parser("cache", help="the compiled programs kept on disk")
    cache.add_argument("--clear", action="store_true", help="remove them")
    cache.set_defaults(do=_cache)
    options = parser.parse_args(argv)
    if options.do is _run and not options.program:
        run.error("which program? python -m bevel run program.py [arguments]")
    return options.do(options)


if __name__ == "__main__":
    sys.exit(main())
