"""The page of the house names every floor, and the decisions are numbered as their files are."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def test_the_page_names_every_package_on_its_floor():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    [layers] = [contract["layers"] for contract in contracts if contract["id"] == "layers"]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?|beside it .*?) \| ", page, re.MULTILINE)
    floors: list[set[str]] = []
    for row in rows[: len(layers) + 1]:
        names = set(re.findall(r"`(\w+)`", row))
        if row.startswith("beside it"):
            floors[-1] |= names
        else:
            floors.append(names)
    assert floors == [set(re.findall(r"\w+", layer)) for layer in layers]


def test_decisions_are_titled_by_the_numbers_of_their_files():
    titles = {path.name: path.read_text(encoding="utf-8").partition("\n")[0] for path in DECISIONS}
    assert [name for name, title in titles.items() if not title.startswith(f"# {name[:3]}. ")] == []
    assert len({name[:3] for name in titles}) == len(titles)
