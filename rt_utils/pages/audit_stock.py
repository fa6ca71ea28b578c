"""The images of `rt audit`, read once at each input size, with as many to fit a probe as its time allows."""

from dataclasses import dataclass, field

from rt_utils.images.catalogue import load_data_set
from rt_utils.images.data_set import DataSet
from rt_utils.pages.audit_request import Request
from rt_utils.pages.audit_subject import Subject
from rt_utils.runtime.errors import InputError


@dataclass
class Stock:
    """`train`: how many images may fit a probe, the fewest first, of which more are taken where a class needs them."""

    request: Request
    subject: Subject
    train: list[int]
    _read: dict[int, DataSet] = field(default_factory=dict)

    def _of(self, size: int, n_train: int) -> DataSet:
        request = self.request
        return load_data_set(self.subject.name, size=size, n_train=n_train, n_test=request.n_test, seed=request.seed)

    def images(self, size: int) -> DataSet:
        """The images at an encoder's input size; hardly any to train on where there are no labels.

        Raises InputError where a tested class is not trained, however many images may be.
        """
        if size in self._read:
            return self._read[size]
        if not self.subject.labelled:
            return self._read.setdefault(size, self._of(size, 2))
        while True:
            found = self._of(size, self.train[0])
            try:
                found.check_trainable()
            except InputError:
                helps = found.train.labels is not None and len(found.classes) > 1
                if len(self.train) == 1 or not helps:
                    raise
                self.train.pop(0)  # for all sizes: their labels are the same
            else:
                return self._read.setdefault(size, found)
