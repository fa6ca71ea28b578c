"""Are a RobustBench encoder's weights those of its name? Its clean accuracy is held against RobustBench's own.

A checkpoint has no hash of RobustBench's: a file of another network of the same architecture loads without a word.
"""

from functools import partial

from rt_utils.evaluation.statistics import share_interval
from rt_utils.images.catalogue import check_data_set, load_data_set
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.runtime import cache
from rt_utils.runtime.cache import Entry
from rt_utils.runtime.errors import InputError
from rt_utils.runtime.processes import alone

IMAGES = 256  # test images
ERROR = 1e-4  # how seldom the right weights are refused
HAS_OWN = ("cifar10", "cifar100")  # data sets of RobustBench that the book reads


def _right(encoder: Encoder, data: str) -> int:
    """How many of the data set's first IMAGES test images the pretrained head gets right."""
    from rt_utils.models import libraries  # here, and below: they import RobustBench's parts

    images = load_data_set(data, size=encoder.input_size, n_train=2, n_test=IMAGES, seed=0)
    head = libraries.pretrained_head(encoder.name, data, images.classes)
    if head is None:
        raise InputError(f"{encoder.name} has no head for the {len(images.classes)} classes of {data}")
    predicted = head.logits(encoder.features(images.test.images)).argmax(1)
    return int((predicted == images.test.required_labels()).sum())


def verdict(name: str, right: int, published: float) -> str:
    """The note for the page. Raises InputError where `published` is not in the interval about right / IMAGES."""
    low, high = share_interval(right, IMAGES, ERROR)
    found = f"right on {right / IMAGES:.1%} of {IMAGES} test images of its data with its own head"
    if not low <= published <= high:
        raise InputError(
            f"{name} is {found}, RobustBench's table says {published:.1%}: its file holds other weights, so replace it "
            "by RobustBench's, or give yours as file:PATH@" + name
        )
    return f"{found}; RobustBench's table says {published:.1%}"


def note(encoder: Encoder) -> str:
    """What is known of the weights. Raises InputError where they are not those of the name."""
    from rt_utils.models import robustbench_table

    data, published = encoder.name.split("/")[1], robustbench_table.clean_accuracy(encoder.name)
    if published is None:
        return "weights not verified: RobustBench's tables give no clean accuracy under this name"
    if data not in HAS_OWN:
        return f"weights not verified: the book has no {data} to compare RobustBench's {published:.1%} clean accuracy"
    try:
        check_data_set(data)
    except InputError:
        return f"weights not verified: {data} is not there to compare RobustBench's {published:.1%} clean accuracy"
    entry = Entry("own accuracy", (encoder.name, encoder.weights_sha256, data), encoder.code | {__name__})
    return verdict(encoder.name, cache.kept(entry, partial(alone, _right, encoder, data)), published)


def loaded(name: str) -> Encoder:
    """`load_encoder`; of RobustBench's with a note on the weights. Raises InputError where they are not its name's."""
    encoder = load_encoder(name)
    if name.startswith("robustbench/"):
        encoder.notes = (*encoder.notes, note(encoder))
    return encoder
