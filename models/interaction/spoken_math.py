"""LaTeX → words: formulas between $…$, \\(…\\), \\[…\\] and $$…$$, as a voice reads them."""

from __future__ import annotations

import re

_FORMULA = re.compile(
    r"\$\$(?P<a>.+?)\$\$|\\\[(?P<b>.+?)\\\]|\\\((?P<c>.+?)\\\)"
    r"|(?<![\w$\\])\$(?P<d>(?=[^\s$])(?:[^$\n]|\\\$)*?(?<=[^\s\\$]))\$(?![\w$])",
    re.DOTALL,
)
_COMMANDS = {
    "times": "times", "cdot": "times", "div": "divided by", "pm": "plus or minus", "leq": "at most", "le": "at most",
    "geq": "at least", "ge": "at least", "neq": "is not", "ne": "is not", "approx": "is about", "equiv": "equals",
    "infty": "infinity", "sum": "the sum of", "prod": "the product of", "int": "the integral of", "to": "to",
    "rightarrow": "to", "Rightarrow": "therefore", "in": "in", "partial": "partial", "ldots": "and so on",
    "cdots": "and so on", "dots": "and so on", "circ": "degrees", "degree": "degrees", "lim": "the limit of",
    "quad": " ", "qquad": " ", "left": "", "right": "", "displaystyle": "", "nabla": "nabla", "cup": "union",
    "cap": "intersection", "subset": "is a subset of", "forall": "for all", "exists": "there is",
}  # fmt: skip
_SIGNS = (
    ("<=", " is at most "), (">=", " is at least "), ("!=", " is not "), ("≤", " is at most "), ("≥", " is at least "),
    ("≠", " is not "), ("=", " equals "), ("+", " plus "), ("*", " times "), ("×", " times "), ("·", " times "),
    ("÷", " divided by "), ("/", " over "), ("<", " is less than "), (">", " is greater than "),
    ("±", " plus or minus "),
)  # fmt: skip
_POWERS = {"2": "squared", "3": "cubed"}


def speak_formulas(text: str) -> str:
    """The text with its formulas in words. "$5" and "$5 and $6" are sums of money and stay."""
    text = _FORMULA.sub(_spoken, text)
    if re.search(r"\\(?:frac|sqrt|times|cdot|text|mathrm|pm|leq|geq|neq|approx|boxed)\b", text):
        text = _commands(text)
    return text


def _spoken(match: re.Match[str]) -> str:
    body = next(group for group in match.groups() if group is not None)
    if match["d"] is not None and re.match(r"\d[\d.,]*(?:\s+\w\w|\s*[-–]\s*$)", body):
        return match[0]  # two sums of money and the words between them
    return f" {formula(body)} " if match["d"] is None else formula(body)


def formula(body: str) -> str:
    """A formula in words, one line."""
    text = _commands(body)
    text = re.sub(r"\^\s*(?:\{([^{}]*)\}|(\w))", _power, text)
    text = re.sub(r"_\s*(?:\{([^{}]*)\}|(\w))", lambda found: f" {found[1] or found[2]} ", text)
    for sign, words in _SIGNS:
        text = text.replace(sign, words)
    text = re.sub(r"(?<=[\w)\s])\s*[-−]\s*(?=[\w(\\])", " minus ", text)
    text = re.sub(r"[{}$&\\~]", " ", text)
    return " ".join(text.split())


def _power(match: re.Match[str]) -> str:
    exponent = (match[1] or match[2] or "").strip()
    return f" {_POWERS.get(exponent) or ('degrees' if exponent == 'degrees' else f'to the power of {exponent}')} "


def _commands(text: str) -> str:
    """Commands with braces from the innermost outwards, then those without."""
    for _ in range(12):
        before = text
        text = re.sub(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r" \1 over \2 ", text)
        text = re.sub(r"\\sqrt\s*\[([^\]]*)\]\s*\{([^{}]*)\}", r" the root \1 of \2 ", text)
        text = re.sub(r"\\sqrt\s*\{([^{}]*)\}", r" the square root of \1 ", text)
        text = re.sub(
            r"\\(?:text|mathrm|mathbf|mathit|mathbb|mathcal|operatorname|boxed|textbf)\s*\{([^{}]*)\}", r"\1", text
        )
        text = re.sub(r"\\(?:begin|end)\s*\{[^{}]*\}", " ", text)
        text = re.sub(r"(\^)\{([^{}\\^_]*)\}", _power_in_braces, text)
        if text == before:
            break
    text = re.sub(r"\\%", "%", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda found: f" {_COMMANDS.get(found[1], found[1])} ", text)
    return re.sub(r"\\\\|\\[,;:! ]", " ", text)


def _power_in_braces(match: re.Match[str]) -> str:
    exponent = match[2].strip()
    return f" {_POWERS.get(exponent, f'to the power of {exponent}')} "
