"""bevel.scipy's parts and their functions are looked up when first asked for; what they list is there."""

import importlib
import subprocess
import sys

from bevel.scipy import special, stats


def test_special_lists_what_its_modules_have():
    for module, names in special._PLACES.items():
        assert sorted(names.split()) == sorted(importlib.import_module(f"bevel.scipy.special.{module}").__all__)
    for name in [*special.__all__, "elementary"]:
        assert getattr(special, name) is not None
    for name in stats.__all__:
        assert getattr(stats, name) is not None


def test_importing_loads_no_formula():
    program = """
import sys, bevel.scipy as jsp, bevel.scipy.stats, bevel.scipy.special
for part in dir(jsp):
    assert part in ("special", "stats") or f"bevel.scipy.{part}" not in sys.modules, part
assert not [name for name in sys.modules if name.startswith(("bevel.scipy.special.", "bevel.scipy.stats."))]
assert "scipy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
