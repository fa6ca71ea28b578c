"""Are a RobustBench encoder's weights those of its name? Its clean accuracy is held against RobustBench's own.

A checkpoint has no hash of RobustBench's: a file of another network of the same architecture loads without a word.
One of similar accuracy (within about 7 points of 90%, 12 of 65%) is not told from the right one.
"""

from functools import partial

from jaxtyping import Int64, UInt8
from torch import Tensor

from rt_utils.evaluation.statistics import share_interval
from rt_utils.images.catalogue import check_data_set, load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.models.catalogue import load_encoder
from rt_utils.models.frozen_encoder import Encoder
from rt_utils.models.head import Head
from rt_utils.runtime import cache, processes
from rt_utils.runtime.cache import Entry
from rt_utils.runtime.devices import placed
from rt_utils.runtime.errors import InputError

IMAGES = 256  # test images
PART = 32  # of them in a job
ERROR = 1e-4  # how seldom the right weights are refused
HAS_OWN = ("cifar10", "cifar100")  # data sets of RobustBench that the book reads


def _hits(encoder: Encoder, head: Head, images: UInt8[Tensor, "n c h w"], labels: Int64[Tensor, " n"]) -> int:
    return int((head.logits(placed(encoder).features(images)).argmax(1) == labels).sum())


def _right(encoder: Encoder, images: DataSet, workers: int) -> int:
    """How many of the test images the pretrained head gets right, in parts over the processes."""
    from rt_utils.models import libraries  # here, and below: they import RobustBench's parts

    head = libraries.pretrained_head(encoder.name, images.name, images.classes)
    if head is None:
        raise InputError(f"{encoder.name} has no head for the {len(images.classes)} classes of {images.name}")
    parts = zip(images.test.images.split(PART), images.test.required_labels().split(PART), strict=True)
    jobs = [(_hits, (encoder, head, x.clone(), labels.clone())) for x, labels in parts]  # a view pickles all
    return sum(processes.run(jobs, workers))


def verdict(name: str, right: int, n: int, published: float) -> str:
    """The note for the page. Raises InputError where `published` is not in the interval about right / n."""
    low, high = share_interval(right, n, ERROR)
    found = f"right on {right / n:.1%} of {n} test images of its data with its own head"
    if not low <= published <= high:
        raise InputError(
            f"{name} is {found}, RobustBench's table says {published:.1%}: its file almost surely holds other weights "
            f"(the right ones would be this far off at most once in {1 / ERROR:,.0f}), so replace it by RobustBench's, "
            f"or give yours as file:PATH@{name}"
        )
    return f"{found}; RobustBench's table says {published:.1%}"


def note(encoder: Encoder, workers: int = 1) -> str:
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
    images = load_data_set(data, size=encoder.input_size, n_train=2, n_test=IMAGES, seed=0)
    key = (encoder.name, encoder.weights_sha256, images.fingerprint)
    entry = Entry("own accuracy", key, encoder.code | {__name__})
    right = cache.kept(entry, partial(_right, encoder, images, workers))
    return verdict(encoder.name, right, len(images.test), published)


def loaded(name: str, *, workers: int = 1) -> Encoder:
    """`load_encoder`; of RobustBench's with a note on the weights. Raises InputError where they are not its name's.

    `workers`: processes that compare the weights, where the answer is not kept from before.
    """
    encoder = load_encoder(name)
    if name.startswith("robustbench/"):
        encoder.notes = (*encoder.notes, note(encoder, workers))
    return encoder
