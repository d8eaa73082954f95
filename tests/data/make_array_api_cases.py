"""Writes array_api_cases.json: the array API standard's tables of special cases, each sentence as conditions and a result.

Run by hand with a Python that has the package array-api 1.0 (the standard's own docstrings, version 2024.12):
`python tests/data/make_array_api_cases.py`.

A case is [conditions, result]. A condition is [operand, words], of which one must hold: x and y are the operands, a and b
the parts of x, c and d those of y. A result is one word for real functions and two, of its parts, for complex ones;
"±" before a word leaves its sign open. Sentences that say nothing of one element alone are counted, and left out.
"""

import json
import pathlib
import re
from importlib.util import find_spec

NAMES = {"x_i": "x", "x1_i": "x", "x2_i": "y", "abs(x1_i)": "|x|", **{c: c for c in "abcd"}}
WORDS = {
    "nan": "nan", "+infinity": "+inf", "-infinity": "-inf", "+0": "+0", "-0": "-0", "1": "1", "+1": "1", "-1": "-1",
    "a finite number": "finite", "a nonzero finite number": "nonzero finite", "a nonzero number": "nonzero",
    "a positive (i.e., greater than 0) finite number": "positive finite", "a positive finite number": "positive finite",
    "a negative (i.e., less than 0) finite number": "negative finite", "any value (including nan)": "any",
    "any value": "any", "any value, including nan": "any", "not nan": "not nan", "an odd integer value": "odd",
    "not an odd integer value": "not odd", "not an integer value": "not integer", "already integer-valued": "integer",
    "not equal to 0": "not 0", "not equal to 1": "not 1", "-x1_i": "-x", "equals x2_i": "y",
    "does not equal x2_i": "not y", "greater than 0": ">0", "less than 0": "<0", "greater than 1": ">1",
    "less than 1": "<1", "less than -1": "<-1",
}  # fmt: skip
RESULTS = {
    "nan": "nan", "+infinity": "+inf", "-infinity": "-inf", "+0": "+0", "-0": "-0", "0": "0", "1": "1", "+1": "1",
    "-1": "-1", "true": "True", "false": "False", "x_i": "x", "x1_i": "x", "x2_i": "y", "|x1_i|": "|x|", "-|x1_i|": "-|x|",
    "nan with a sign bit of 1": "-nan", "nan with a sign bit of 0": "+nan", "1, even if x1_i is nan": "1",
    "equal to abs(b)": "|b|", "equal to abs(a)": "|a|", "equivalent to abs(x2_i)": "|y|", "equivalent to abs(x1_i)": "|x|",
    "+π/2": "pi/2", "-π/2": "-pi/2", "+π": "pi", "-π": "-pi", "+π/4": "pi/4", "+3π/4": "3pi/4", "-π/4": "-pi/4",
    "-3π/4": "-3pi/4",
}  # fmt: skip
PARTS = {
    "nan": "nan", "infinity": "+inf", "+infinity": "+inf", "-infinity": "-inf", "±infinity": "±inf", "0": "+0", "+0": "+0",
    "-0": "-0", "±0": "±0", "1": "1", "-1": "-1", "π": "pi", "+π": "pi", "π/2": "pi/2", "3π/4": "3pi/4", "π/4": "pi/4",
    "±π/2": "±pi/2", "-1.0": "-1",
}  # fmt: skip


class Untranslated(Exception):
    """A sentence of another kind."""


def conditions(text):
    """'x is A and y is either B or C' as [["x", ["A"]], ["y", ["B", "C"]]]."""
    text = text.replace("including nan,", "including nan").replace("a -infinity and", "a is -infinity and")
    pair = re.fullmatch(r"(?:either )?(\w+) or (\w+) is nan|(\w+) is nan or (\w+) is nan", text)
    if pair:
        return [["or", [[NAMES[n], ["nan"]] for n in pair.groups() if n]]]
    every = re.fullmatch(r"a, b, c, (and|or) d (?:are all|is) nan", text)
    if every:
        parts = [[n, ["nan"]] for n in "abcd"]
        return parts if every[1] == "and" else [["or", parts]]
    signs = re.match(
        r"x1_i and x2_i have (the same|different) mathematical signs?( and are both nonzero finite)?", text
    )
    if signs:
        both = [["x", ["nonzero finite"]], ["y", ["nonzero finite"]]] if signs[2] else []
        return [*both, ["x", ["same sign" if signs[1] == "the same" else "other sign"]]]
    found = []
    for clause in re.split(r",? and (?=(?:the sign bit of )?(?:x\d?_i|[abcd]|abs\(x1_i\)) )|, (?=x\d_i )", text):
        bit = re.fullmatch(r"the sign bit of (\w+) is ([01])", clause)
        if bit:
            found.append([NAMES[bit[1]], ["sign bit " + bit[2]]])
            continue
        said = re.fullmatch(r"(x\d?_i|[abcd]|abs\(x1_i\)) (?:is )?(.*)", clause)
        if not said:
            raise Untranslated
        inner = re.sub(r"^either ", "", said[2])
        choices = [inner] if inner in WORDS else inner.split(" or ")
        if not all(c in WORDS for c in choices):
            raise Untranslated
        found.append([NAMES[said[1]], [WORDS[c] for c in choices]])
    return found


def result(text, is_complex):
    text = text.replace("an implementation-dependent approximation to ", "")
    if text.startswith("a signed infinity"):
        return ["±inf"]
    sign = re.match(r"(?:has )?a (positive|negative) mathematical sign", text)
    if sign:
        return [sign[1] if "unless" not in text else sign[1] + " or nan"]
    others = re.search(r"libraries may return (\S+) to match", text)
    text = re.sub(r" ?\(\*\*note.*\)", "", text).strip(" .")
    if text in RESULTS and not (is_complex and text in ("+infinity", "nan")):
        return [RESULTS[text], *([PARTS.get(others[1].lower(), others[1])] if others else [])]
    if text in RESULTS:
        return [RESULTS[text]]
    loose = re.search(r" \(signs? of (?:the )?(real|imaginary)?(.*) unspecified\)", text)
    text = re.sub(r" \(signs? of .*\)", "", text)
    turned = re.fullmatch(r"(\+infinity|\+0) \* cis\(b\)( - 1\.0)?", text)
    if turned:
        return [PARTS[turned[1]] + " cos b" + ("-1" if turned[2] else ""), PARTS[turned[1]] + " sin b"]
    parts = re.fullmatch(r"(\S+) ([+±-]) (\S+?) ?j(/\d)?", text)
    if not parts:
        raise Untranslated
    imaginary = ("" if parts[2] == "+" else parts[2]) + parts[3] + (parts[4] or "")
    if parts[1] not in PARTS or imaginary not in PARTS:
        raise Untranslated
    words = [PARTS[parts[1]], PARTS[imaginary]]
    if loose:
        open_parts = {"real": [0], "imaginary": [1]}.get(loose[1], [0, 1]) if " and " not in loose[0] else [0, 1]
        words = ["±" + w.lstrip("±+-") if i in open_parts and w != "nan" else w for i, w in enumerate(words)]
    return words


def translated(sentence):
    sentence = sentence.replace("`", "").strip()
    said = re.fullmatch(r"If (.*?), the (real component of the )?result (?:is )?(.*)", sentence)
    if not said:
        raise Untranslated
    asked = conditions(said[1].replace("NaN", "nan").replace("numbers", "number"))
    of_parts = not any(name in ("x", "y", "|x|") for name, _ in asked if name != "or") and "x" not in str(asked)
    words = result(said[3].lower().replace("infinity.", "infinity"), of_parts)
    return [asked, [words[0], "any"] if said[2] else words], of_parts


if __name__ == "__main__":
    place = pathlib.Path(find_spec("array_api").origin).with_name("_2024_12.py")
    parts = re.split(r"^class (\w+)", place.read_text(), flags=re.MULTILINE)
    table, left = {}, {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        body = re.split("Special [cC]ases", body, maxsplit=1)
        if name == "Array" or len(body) == 1:
            continue
        for sentence in re.findall(r"^\s*-\s+(If .*?)$", body[1], re.MULTILINE):
            try:
                case, is_complex = translated(sentence)
            except Untranslated:
                left[name] = left.get(name, 0) + 1
                print(name, sentence)
                continue
            table.setdefault(name, {"real": [], "complex": []})["complex" if is_complex else "real"].append(case)
    lines = [f"{json.dumps(name)}: {json.dumps(cases, ensure_ascii=False)}" for name, cases in sorted(table.items())]
    text = "{\n" + ",\n".join([*lines, f'"left out": {json.dumps(left)}']) + "\n}\n"
    pathlib.Path(__file__).with_name("array_api_cases.json").write_text(text)
    print(sum(len(v["real"]) + len(v["complex"]) for v in table.values()), "cases;", sum(left.values()), "left out")
