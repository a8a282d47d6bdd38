"""An explanation as LaTeX."""

import re

from gradlab.explanation.document import Block, Formula, Grid, Heading, Sentence

SECTIONS = {1: "section*", 2: "subsection*", 3: "subsubsection*"}

IN_TEXT = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
"""Characters that LaTeX takes for its own."""

SYMBOLS = {
    "∂": r"\partial ", "·": r"\cdot ", "×": r"\times ", "−": "-", "Δ": r"\Delta ", "‖": r"\|",
    "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "λ": r"\lambda ", "ρ": r"\rho ",
    "ε": r"\varepsilon ", "θ": r"\theta ", "Σ": r"\sum ", "√": r"\surd ", "½": r"\tfrac12 ",
    "²": "^2", "←": r"\leftarrow ", "→": r"\rightarrow ", "…": r"\dots ", "∞": r"\infty ",
    "ŷ": r"\hat{y}", "m̂": r"\hat{m}", "v̂": r"\hat{v}", "≈": r"\approx ",
}  # fmt: skip
"""Mathematics outside ASCII."""


def latex(blocks: list[Block]) -> str:
    """Return blocks as a fragment for the body of a document; it needs amsmath and longtable."""
    parts = []
    for block in blocks:
        match block:
            case Heading(text, level):
                parts.append(f"\\{SECTIONS[level]}{{{words(text)}}}")
            case Sentence(text):
                parts.append(words(text))
            case Formula(text):
                parts.append(f"\\[ {mathematics(text)} \\]")
            case Grid():
                parts.append(_table(block))
    return "\n\n".join(parts) + "\n"


def words(text: str) -> str:
    """Return words for LaTeX, symbols in mathematics.

    >>> words("50 % of E → 0")
    '50 \\\\% of E $\\\\rightarrow $ 0'
    """
    written = "".join(
        IN_TEXT.get(mark, mark) for mark in text.replace("m̂", "\0").replace("v̂", "\1")
    )
    for symbol, command in SYMBOLS.items():
        plain = {"m̂": "\0", "v̂": "\1"}.get(symbol, symbol)
        written = written.replace(plain, f"${command}$")
    return written


def mathematics(text: str) -> str:
    """Return a formula for LaTeX: fractions for derivatives, indices below, words upright.

    >>> mathematics("∂E/∂w5 = −0.742 × 0.233")
    '\\\\frac{\\\\partial E}{\\\\partial w_{5}} = -0.742 \\\\times  0.233'
    """
    text = re.sub(r"(\d)e(−?\d+)", r"\1·10^<\2>", text)
    tokens = re.split(r"(∂[^/·=+×;]+?/∂[^ ·=+×;]+(?: \w+)*(?:\[[\d, ]*\])?)", text)
    return "".join(_fraction(t) if t.startswith("∂") and "/∂" in t else _run(t) for t in tokens)


def _fraction(text: str) -> str:
    above, below = text.split("/∂", 1)
    return f"\\frac{{\\partial {_name(above[1:])}}}{{\\partial {_name(below)}}}"


def _name(text: str) -> str:
    """Return w5 with its index below, and anything longer upright."""
    text = text.strip()
    short = re.fullmatch(r"([^\W\d_]|m̂|v̂)(\d*)", text)
    if not short:
        return f"\\text{{{words(text)}}}"
    letter = SYMBOLS.get(short[1], short[1]).strip()
    return f"{letter}_{{{short[2]}}}" if short[2] else letter


def _run(text: str) -> str:
    def long_word(found: re.Match) -> str:
        word = found[0]
        if re.fullmatch(r"[^\W\d_]\d+", word):
            return _name(word)
        return f"\\text{{{words(word)}}}" if len(word) > 1 else word

    pieces = re.split(r"(10\^<−?\d+>)", text)
    written = []
    for piece in pieces:
        if piece.startswith("10^<"):
            written.append("10^{" + piece[4:-1].replace("−", "-") + "}")
            continue
        piece = piece.replace("m̂", "\0").replace("v̂", "\1").replace("ŷ", "\2")
        piece = re.sub(r"[A-Za-z][A-Za-z0-9]*(?: [A-Za-z][A-Za-z0-9]+)*", long_word, piece)
        piece = piece.replace("%", r"\%").replace("#", r"\#")
        for plain, symbol in (("\0", "m̂"), ("\1", "v̂"), ("\2", "ŷ")):
            piece = piece.replace(plain, symbol)
        for symbol, command in SYMBOLS.items():
            piece = piece.replace(symbol, command)
        written.append(piece)
    return "".join(written)


def _table(grid: Grid) -> str:
    sides = "l" + "r" * (len(grid.columns) - 1)
    head = " & ".join(map(words, grid.columns)) + r" \\ \hline"
    rows = [" & ".join(map(words, row)) + r" \\" for row in grid.rows]
    return "\n".join(
        [
            f"\\noindent\\textit{{{words(grid.caption)}}}",
            f"\\begin{{longtable}}{{{sides}}}",
            head,
            *rows,
            "\\end{longtable}",
        ]
    )
