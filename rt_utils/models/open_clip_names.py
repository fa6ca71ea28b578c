"""Names of open_clip's image towers, open_clip/NAME and open_clip/NAME/PRETRAINED."""

from rt_utils.models import name_options
from rt_utils.runtime.errors import InputError, unknown


def parse(name: str) -> tuple[str, str]:
    """The architecture, and the tag of its weights, empty for random ones. Raises InputError for what is unknown."""
    try:
        import open_clip
    except ModuleNotFoundError as error:
        raise InputError(
            f"open_clip/... needs the package open_clip_torch (no module {error.name!r}): "
            "install it with pip install -e '.[clip]' in the book's folder"
        ) from None
    arch, _, tag = name_options.split(name)[0].removeprefix("open_clip/").partition("/")
    known = open_clip.list_models()
    if arch not in known:
        raise unknown("encoder", f"open_clip/{arch}", [f"open_clip/{other}" for other in known])
    tags = open_clip.list_pretrained_tags_by_model(arch)
    if tag and tag not in tags:
        raise unknown(f"weights of open_clip/{arch}", tag, tags or ("none, so that they are random",))
    return arch, tag


def check(name: str) -> None:
    """Raises InputError for a name that open_clip does not know, or where it is not installed."""
    parse(name)
