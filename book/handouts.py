"""The handout of a lecture: one sheet of A4 with two sides, for the students, made of the lecture's slides.

Front: the statements, with room for each proof. Back: the example by hand without its last columns, and the plan's
questions with a box for a guess. It is written beside the slides and printed by a browser.
"""

from bs4 import BeautifulSoup, Tag
from slide_cuts import Slide

ROOM = '<div class="room" style="flex-grow: {steps}"><i>{title}</i></div>'
ASKED = "<tr><td>{question}</td><td></td><td></td></tr>"
QUESTIONS = (
    '<table class="guesses"><thead><tr><th>Guess first</th><th>my guess</th><th>what it was</th></tr></thead>'
    "<tbody>{rows}</tbody></table>"
)
SHEET = '<section class="sheet"><div class="fit bd-article"><h2>{title}</h2>{body}</div></section>\n'
KEPT = 2  # columns of an example's table that the students do not fill in


def emptied(body: str) -> str:
    """The example without its answers: of a table the first columns stay and what is before it, else one paragraph."""
    part = BeautifulSoup(body, "html.parser")
    for row in part.select("tbody tr"):
        for cell in row.find_all("td")[KEPT if len(row.find_all("td")) > KEPT + 1 else 1 :]:
            cell.string = ""
    table = part.find("table")
    if isinstance(table, Tag):
        top = next(parent for parent in (table, *table.parents) if parent.parent is part)
        for after in list(top.find_next_siblings()):
            after.decompose()
    else:
        for after in list(part.find_all("p", recursive=False))[1:]:
            after.decompose()
    for step in part.select(".fragment"):
        step["class"] = " ".join(name for name in (step.get("class") or []) if name != "fragment")
    return str(part)


def proofs(shown: list[Slide]) -> dict[str, int]:
    """How many steps each proof takes, by its title without a count."""
    steps: dict[str, int] = {}
    for slide in shown:
        if slide.kind == "proof":
            title = slide.title.partition(" (")[0]
            steps[title] = steps.get(title, 0) + slide.body.count("fragment")
    return steps


def sheets(shown: list[Slide]) -> str:
    """The two sides of the handout of a lecture's slides, the lecturer's, with the questions."""
    first, second = shown[0].title, BeautifulSoup(shown[0].body, "html.parser").get_text()
    front, left = "", proofs(shown)
    for slide in shown:
        if slide.kind == "statement":
            front += f'<div class="said"><h3>{slide.title}</h3>{slide.body}</div>'
        elif slide.kind == "proof" and (title := slide.title.partition(" (")[0]) in left:
            front += ROOM.format(steps=left.pop(title), title=title)
    example = "".join(slide.body for slide in shown if slide.kind == "by-hand")
    asked = "".join(ASKED.format(question=slide.body) for slide in shown if slide.kind == "question")
    back = emptied(example) + QUESTIONS.format(rows=asked)
    return SHEET.format(title=f"{first}: {second}", body=front) + SHEET.format(title=f"{first}: guess first", body=back)
