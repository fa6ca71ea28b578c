"""What encoders are called, and which colour they have, in what a page shows: decided here alone."""

from collections.abc import Iterable

# Okabe and Ito's, safe for colour-blind readers. The first three are for one encoder of each kind.
KINDS = {"robust": "#0072B2", "standard": "#D55E00", "random": "#8C8C8C"}
OTHERS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")


def short_name(encoder: str) -> str:
    """An encoder's name without the world that a shipped one comes from."""
    return encoder.removeprefix("embedded/").removeprefix("natural/").removeprefix("public/")


def labels(encoders: Iterable[str]) -> dict[str, str]:
    """The shown name of each encoder: short, but for those whose short names are equal; no two are."""
    names = list(dict.fromkeys(encoders))
    short = [short_name(name) for name in names]
    return {name: name if short.count(own) > 1 else own for name, own in zip(names, short, strict=True)}


def listed(encoders: Iterable[str]) -> str:
    """Several encoders in a sentence, by their labels."""
    return ", ".join(labels(encoders).values())


def shortened(name: str) -> str:
    """A data set's name as a panel's title has room for it: a long path's end."""
    return name if len(name) < 24 else "…" + name[-22:]


def shortened_names(names: Iterable[str]) -> dict[str, str]:
    """Each name as `shortened`, no two alike: where ends are equal, as much longer an end as tells them apart."""
    whole = list(dict.fromkeys(names))
    shown = {name: shortened(name) for name in whole}
    for name in whole:
        alike = [other for other in whole if shortened(other) == shortened(name)]
        width = next((n for n in range(22, len(name)) if len({other[-n:] for other in alike}) == len(alike)), len(name))
        if len(alike) > 1:
            shown[name] = name if width == len(name) else f"…{name[-width:]}"
    return shown


def case_name(label: str, data: str) -> str:
    """An encoder's label and a data set's name as an axis has room for them: the ends of long ones."""
    return f"{shortened(label)}, {shortened(data)}"


def _of_kind(encoder: str) -> str | None:
    """The colour of a shipped encoder's kind; None for others."""
    kind = short_name(encoder).removeprefix("sprites-").partition("-")[0]
    return KINDS.get(kind) if encoder.startswith(("embedded/", "natural/")) else None


def colours(encoders: Iterable[str]) -> dict[str, str]:
    """The colour of each encoder of a page, in the page's order.

    The first robust, standard and random one have their kind's colour; the others the next that is free, those of
    kinds that the page has not among them. With more encoders than colours they begin again.
    """
    names = list(dict.fromkeys(encoders))
    taken = {_of_kind(name) for name in names}
    chosen: dict[str, str] = {}
    free = [*OTHERS, *(colour for colour in KINDS.values() if colour not in taken)]
    for name in names:
        own = _of_kind(name)
        if own is None or own in chosen.values():
            own = free.pop(0)
            free = free or list(OTHERS)
        chosen[name] = own
    return chosen
