"""Strips of images as HTML, from plain data: what an attack did to an image, and points chosen by a number.

Pixels stay sharp squares at any size, so that a phone and a desk show the same image; the style is `strips.css`.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any

Group = Mapping[str, Any]


def _image(png: str, alt: str, example: str | None = None) -> str:
    marked = f' data-example="{html.escape(example, quote=True)}"' if example else ""
    shown = f'src="data:image/png;base64,{png}" alt="{html.escape(alt, quote=True)}"'
    return f'<img class="dark-light" {shown}{marked}>'  # the theme's name for: as it is, in the dark too


def _picture(image: str, words: str, changed: bool = False) -> str:
    return f'<div class="picture{" changed" * changed}">{image}<span>{words}</span></div>'


def _groups(parts: Sequence[tuple[str, str, str]]) -> str:
    """Each part: its heading, its pictures, what stands below them."""
    shown = "".join(
        f'<div class="group"><p class="heading">{heading}</p><div class="pictures">{pictures}</div>'
        f'<p class="below">{below}</p></div>'
        for heading, pictures, below in parts
    )
    return f'<div class="groups">{shown}</div>'


def _read(name: str) -> str:
    return f"read as <b>{html.escape(name)}</b>"


def _three(group: Group) -> str:
    """x, delta magnified around grey, x + delta."""
    about = f"{group['data']} test image {group['point']}"
    times = f"{group['times']} times" if group["times"] else "zero"
    clean = f"{about}, of class {group['label']}, read as {group['predicted']}"
    perturbed = (
        f"{about}, perturbed by at most {group['eps']}, read as {group['read']} with the {group['encoder']} encoder"
    )
    changed = group.get("changed", group["read"] != group["predicted"])
    return "".join(
        (
            _picture(_image(group["clean"], clean, group.get("example")), f"<i>x</i><br>{_read(group['predicted'])}"),
            _picture(
                _image(group["delta"], f"The perturbation, magnified {times} around grey"),
                f"<i>δ</i> × {group['times']}<br>around grey" if group["times"] else "<i>δ</i> = 0",
            ),
            _picture(
                _image(group["perturbed"], perturbed),
                f"<i>x</i> + <i>δ</i><br>{_read(group['read'])}{' ✗' * changed}",
                changed,
            ),
        )
    )


def _numbers(group: Group) -> str:
    if "ratio" not in group:
        return f"<i>S</i> found {group['shift']:.2f}"
    sign = "&lt;" if group["shift"] < group["ratio"] else "≥"
    link = f' · <a href="{html.escape(group["live"], quote=True)}">move it yourself</a>' if "live" in group else ""
    return f"<i>S</i> found {group['shift']:.2f} {sign} <i>m</i> {group['ratio']:.2f}{link}"


def attacked(groups: Sequence[Group]) -> str:
    """For each encoder and data set three images: clean, the perturbation magnified, perturbed; S found against m.

    A group has `data`, `encoder`, `point`, `eps`, the images `clean`, `delta` and `perturbed` as PNG in base64, `times`
    by which delta is magnified (0 where it is zero), class names `label`, `predicted` and `read`, `shift`, and `ratio`
    where there is a margin, in feature units, `example` where the image is one of the live page's, and `live`, its
    address there. `changed` overrules what is marked.
    """
    return _groups(
        [
            (
                f"{html.escape(group['data'])}, image {group['point']}, <b>{html.escape(group['encoder'])}</b> encoder",
                _three(group),
                _numbers(group),
            )
            for group in groups
        ]
    )


def fooled(group: Group, threat: str) -> str:
    """Two images side by side, linked to the live page: as seen, and under attack, with what each is read as.

    A group as for `attacked`, with `live`; `threat` as it is said of a page.
    """
    clean, perturbed = (
        f"A handwritten {group['label']}, read as {group['predicted']}",
        f"The same {group['label']} under attack, {threat}, read as {group['read']}",
    )
    changed = group["read"] != group["predicted"]
    pictures = _picture(_image(group["clean"], clean, group.get("example")), f"as seen<br>{_read(group['predicted'])}")
    pictures += _picture(
        _image(group["perturbed"], perturbed), f"under attack<br>{_read(group['read'])}{' ✗' * changed}", changed
    )
    link = f'<a href="{html.escape(group["live"], quote=True)}">Move the adversary yourself</a>'
    return (
        f'<figure class="rt-strip rt-fooled"><div class="pictures">{pictures}</div><figcaption>Test digit '
        f"{group['point']}, <b>{html.escape(group['encoder'])}</b> encoder, {html.escape(threat)}. {link}."
        "</figcaption></figure>"
    )


def example(groups: Sequence[Group], title: str, facts: Sequence[str]) -> str:
    """The running example: its title, `attacked`, and for each group a line of further facts, as HTML."""
    parts = [
        (f"<b>{html.escape(group['encoder'])}</b> encoder", _three(group), f"{_numbers(group)}{fact}")
        for group, fact in zip(groups, facts, strict=True)
    ]
    return f'<p class="title">{html.escape(title)}</p>{_groups(parts)}'


def _point(point: Group) -> str:
    """One chosen test image, and below it its number, what it is read as, and its class where that is another."""
    about = f"{point['data']} test image {point['point']}"
    words = f"{point['number']:.2f}"
    if "predicted" in point:
        about += f", of class {point['label']}, read as {point['predicted']}"
        words += f"<br>{_read(point['predicted'])}{' ✗' * point['flipped']}"
        if point["label"] != point["predicted"]:
            words += f"<br>is {html.escape(point['label'])}"
    return _picture(_image(point["png"], about, point.get("example")), words, point.get("flipped", False))


def points(groups: Sequence[Group]) -> str:
    """Rows of test images, each with a number below it, and what it is read as where a head reads it.

    A group has `heading` and `pictures`; of those each has `png`, `data`, `point` and `number`, and where there is a
    head `label`, `predicted` and `flipped`, whether a perturbation that was found changes the prediction.
    """
    return _groups([(html.escape(group["heading"]), "".join(map(_point, group["pictures"])), "") for group in groups])


def tiles(groups: Sequence[Group]) -> str:
    """Rows of small images of any kind: a group has `heading`, `pictures` and `below`, a picture `png`, `alt`, `words`.

    All of them texts; `words`, `heading` and `below` may hold HTML.
    """
    return _groups(
        [
            (
                group["heading"],
                "".join(_picture(_image(each["png"], each["alt"]), each["words"]) for each in group["pictures"]),
                group["below"],
            )
            for group in groups
        ]
    )
