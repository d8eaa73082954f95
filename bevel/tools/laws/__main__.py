"""python -m bevel.tools.laws [Transpose …]: checks the laws of primitives, all of them by default."""

import sys

from bevel.tools.laws.check import check_primitive
from bevel.tools.laws.samples import all_primitives


def main(names) -> int:
    classes = {cls.__name__: cls for cls in all_primitives()}
    unknown = [name for name in names if name not in classes]
    if unknown:
        print(f"There is no primitive {', '.join(unknown)}; their names are those of classes, such as Transpose.")
        return 2
    broken = 0
    for name in names or classes:
        try:
            print(f"{name}: {check_primitive(classes[name])} checks")
        except AssertionError as error:
            broken += 1
            print(error)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
