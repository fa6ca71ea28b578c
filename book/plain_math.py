"""Texts whose formulas are written without TeX, as well as a line can: for the page of search and for titles."""

import re

FORMULA = re.compile(r"\\\((.*?)\\\)|\\\[(.*?)\\\]", re.DOTALL)
SIGNS = {"le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "approx": "≈", "in": "∈", "notin": "∉"}
SIGNS |= {"lVert": "‖", "rVert": "‖", "Vert": "‖", "langle": "⟨", "rangle": "⟩", "lvert": "|", "rvert": "|", "mid": "|"}
SIGNS |= {"cdot": "·", "times": "×", "pm": "±", "mp": "∓", "circ": "∘", "ast": "*", "infty": "∞", "nabla": "∇"}
SIGNS |= {"partial": "∂", "to": "→", "mapsto": "↦", "Longrightarrow": "⟹", "sim": "∼", "ll": "≪", "subseteq": "⊆"}
SIGNS |= {"cap": "∩", "cup": "∪", "bigcup": "⋃", "forall": "∀", "exists": "∃", "dots": "…", "ldots": "…", "cdots": "…"}
SIGNS |= {"sum": "Σ", "int": "∫", "prod": "∏", "sqrt": "√", "top": "ᵀ", "ell": "ℓ", "R": "ℝ", "E": "𝔼"}
SIGNS |= {"eps": "ε", "epsilon": "ε", "varepsilon": "ε", "varphi": "φ", "pi": "π"}
_GREEK = "alpha beta gamma delta zeta eta theta kappa lambda mu nu xi rho sigma tau phi chi psi omega"
_CAPITALS = "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
SIGNS |= dict(zip(f"{_GREEK} {_CAPITALS}".split(), "αβγδζηθκλμνξρστφχψωΓΔΘΛΞΠΣΦΨΩ", strict=True))
FUNCTIONS = {"min", "max", "sup", "inf", "log", "exp", "cos", "sin", "lim", "sign", "argmax", "softmax"}
UNSAID = {"left", "right", "big", "bigl", "bigr", "Big", "Bigl", "Bigr", "biggl", "biggr", "bigm", "mathrm", "mathbb"}
UNSAID |= {
    "mathcal",
    "mathbf",
    "text",
    "textstyle",
    "displaystyle",
    "boldsymbol",
    "operatorname",
    "underbrace",
    "limits",
}
UNSAID |= {"quad", "qquad", "underline", "nonumber", "lower", "hspace", "mathstrut", "smash"}
ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "vec": "\u20d7", "dot": "\u0307"}
RAISED = {"2": "²", "3": "³", "*": "*", "ᵀ": "ᵀ", "-1": "⁻¹"}
LOWERED = dict(zip("0123456789", "₀₁₂₃₄₅₆₇₈₉", strict=True))
_GROUP = r"(?:\{((?:[^{}]|\{[^{}]*\})*)\}|(\\[A-Za-z]+|[^\s\\{}]))"  # an argument: in braces, or a single sign


def _between(name: str, left: str, right: str, tex: str) -> str:
    """The macro's argument between two signs, innermost braces included."""
    return re.sub(rf"\\{name}\s*{_GROUP}", lambda found: f"{left}{found[1] or found[2]}{right}", tex)


def _fraction(found: re.Match[str]) -> str:
    parts = [found[k] or found[k + 1] for k in (1, 3)]
    return "/".join(f"({part})" if re.search(r"[-+ ]|\\[a-z]*ast", part) else part for part in parts)


def _word(found: re.Match[str]) -> str:
    name = found[1]
    if name in FUNCTIONS:
        return f"{name}{found[2] and ' '}"
    return SIGNS.get(name, "" if name in UNSAID else name)


def formula(tex: str) -> str:
    """A formula as a line of text."""
    tex = re.sub(r"\\(?:begin|end)\{[^{}]*\}(?:\{[^{}]*\})?|\\(?:label|tag)\{[^{}]*\}", " ", tex)
    tex = re.sub(r"\\[,;:!> ]|~|&|\\\\(?:\[[^\]]*\])?", " ", tex)
    tex = tex.replace(r"\{", "\ue000").replace(r"\}", "\ue001")  # braces that are shown
    for _ in range(2):  # one may stand in the other
        tex = _between("abs", "|", "|", _between("norm", "‖", "‖", tex))
        tex = re.sub(rf"\\[dt]?frac\s*{_GROUP}\s*{_GROUP}", _fraction, tex)
    for name, accent in ACCENTS.items():
        tex = re.sub(rf"\\{name}\s*\{{?\s*(\\[A-Za-z]+|\w)\s*\}}?", rf"\1{accent}", tex)
    tex = re.sub(r"\\([A-Za-z]+)(\s?)", _word, tex)
    tex = re.sub(r"\^(?:\{(2|3|\*|ᵀ|-1)\}|(2|3|\*|ᵀ))", lambda found: RAISED[found[1] or found[2]], tex)
    tex = re.sub(r"_(?:\{(\d)\}|(\d))", lambda found: LOWERED[found[1] or found[2]], tex)
    tex = re.sub(r"\^\{([^{}]*[-+/ ][^{}]*)\}", r"^(\1)", tex)
    tex = re.sub(r"[\\{}$]", "", tex)
    return re.sub(r"\s+", " ", tex.replace("\ue000", "{").replace("\ue001", "}")).strip()


def plain(text: str) -> str:
    """A text in which formulas are written without TeX; no space is left before a comma."""
    said = FORMULA.sub(lambda found: formula(found[1] or found[2]), text)
    return re.sub(r" (?=[.,;:)])", "", re.sub(r"\s+", " ", said)).strip()
