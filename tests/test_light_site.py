"""What the build cuts from a book's files, and what it must leave."""

import sys
import unicodedata
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "book"))

import following
import light_site
import plain_math

CSS = """/* a comment } */ @import "x.css"; .used, .gone > a{color: red} .gone::before{content: "}"}
@media print {.used:not(.gone){top: 0} .gone{top: 1px}} @media (width > 1px) {.gone{x: 1}} h1{a: url(data:a;b)}
@font-face{font-family: "Font Awesome 6"; src: url(a)} @keyframes k{from{top: 0}} .bs-any{b: 1} .a\\:b{c: 1}"""


def test_only_rules_of_unknown_classes_go() -> None:
    kept = light_site.style(CSS, {"used"})
    assert kept == (
        '@import "x.css";.used{color: red}@media print{.used:not(.gone){top: 0}}h1{a: url(data:a;b)}'
        "@keyframes k{from{top: 0}}.bs-any{b: 1}"
    )
    assert ".a\\:b" in light_site.style(CSS, {"a:b"})
    with pytest.raises(ValueError, match="not a style sheet"):
        light_site.style("a{b{c: 1}", set())


def test_a_choice_of_selectors_goes_where_all_of_them_are_unknown() -> None:
    css = ".used :is(.gone p, .here) > i{a: b}"
    assert light_site.style(css, {"used", "here"}) == css
    assert not light_site.style(css, {"used"})
    assert not light_site.style(css, {"here"})


def test_icons_are_kept_by_any_of_their_names() -> None:
    script = 'x={sun:[1,2,[],"f1","M0"],"magnifying-glass":[1,2,[7,"search"],"f2","M1"],gone:[1,2,[],"f3",["a","b"]]}'
    assert light_site.icons(script, {"fa-sun", "fa-search"}) == script.replace(',gone:[1,2,[],"f3",["a","b"]]', ",")


def test_files_that_are_the_same_are_kept_once(tmp_path: Path) -> None:
    (tmp_path / "chapters").mkdir()
    for name, byte in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / "results" / "book" / name).mkdir(parents=True)
        (tmp_path / "results" / "book" / name / "points.npz").write_bytes(byte * light_site.SHARED_FROM)
        (tmp_path / "chapters" / f"{name}.html").write_text(f'<a href="../results/book/{name}/points.npz">')
    light_site.share(tmp_path)
    links = [(tmp_path / "chapters" / f"{name}.html").read_text().split("/")[3] for name in "abc"]
    assert links == ["a", "a", "c"]
    assert not (tmp_path / "results" / "book" / "b" / "points.npz").exists()


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        (r"the ball \(\norm{\delta}\le\eps\) of radius", "the ball ‖δ‖≤ε of radius"),
        (r"\[\frac{a}{b}\]", "a/b"),
        (r"\(f_\theta(x)\)", "f_θ(x)"),
        (r"\(\norm\delta\le\min\{R,\,m(x)/\Lambda_R\}\)", "‖δ‖≤min{R, m(x)/Λ_R}"),
        (r"\(\norm{f_\theta(x+\delta)-\frac{1}{2}}_2^2\)", "‖f_θ(x+δ)-1/2‖₂²"),
        (r"\(\hat S(x)\ge\sqrt{2\log n}\)", "Ŝ(x)≥√2log n"),
        (r"\(\bar{T} = \tfrac1n\sum_i T_i\)", "T̄ = 1/nΣ_i T_i"),
        (r"\(\langle W_y^\top, v\rangle\)", "⟨W_yᵀ, v⟩"),
        (r"\[\begin{aligned} a &\le b \\ &= c\end{aligned}\]", "a ≤b = c"),
        (r"\(\abs{\frac{a+b}{c}}\)", "|(a+b)/c|"),
        (r"\(2^{2n}+S_{2k}\)", "2^2n+S_2k"),
        (r"\(x^{-1/2}\le 10^{-12}\)", "x^(-1/2)≤10^(-12)"),
        (r"\(2^{32}a^{n+1}\)", "2^32a^(n+1)"),
        (r"\(x^{-1}y^{2}z^3W^*_1v_{2}w_{10}\)", "x⁻¹y²z³W*₁v₂w_10"),
        ("no formula,  spaces", "no formula, spaces"),
    ],
)
def test_a_formula_in_plain_text(tex: str, shown: str) -> None:
    assert unicodedata.normalize("NFC", plain_math.plain(tex)) == unicodedata.normalize("NFC", shown)


def page(title: str, body: str) -> str:
    return f'<html><body><article><section id="top"><h1>{title}</h1>{body}</section></article>{following.FOOTER}">'


def test_statements_and_links_are_read(tmp_path: Path) -> None:
    statement = '<div class="proof theorem admonition" id="t-1"><p class="admonition-title">Theorem 1 (Name)</p></div>'
    link = '<p>By <a class="reference internal" href="a.html#t-1">it</a>, \\(\\eps\\).</p>'
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "a.html").write_text(page("First", statement))
    (tmp_path / "chapters" / "b.html").write_text(page("Second", link))
    found = following.read(tmp_path)
    assert found.names == {"chapters/a.html#t-1": "Theorem 1 (Name)"}
    assert found.excerpts == {
        "chapters/a": {"top": "Theorem 1 (Name)", "t-1": "Theorem 1 (Name)"},
        "chapters/b": {"top": "By it, ε."},
    }
    assert '<a class="reference internal" href="b.html">Second</a>' in following.related(found, "chapters/a.html")
    assert 'href="a.html#t-1">Theorem 1 (Name)</a>' in following.related(found, "chapters/b.html")
    titles = '"alltitles":{" (Name)":[[0,"t-1"]]},"titles":["\\\\(\\\\eps\\\\)"]'
    index = f'Search.setIndex({{{titles},"docnames":["chapters/a"]}})'
    renamed = following.name_in_index(found, index)
    assert '"Theorem 1 (Name)":[[0,"t-1"]]' in renamed
    assert '"titles":["ε"]' in renamed
