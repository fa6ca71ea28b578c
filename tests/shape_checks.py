"""The run-time checker of the tests: every annotation of the package, with the shapes of tensors and arrays."""

from beartype import BeartypeConf, beartype

# As PEP 484 has it an int is a float: beartype alone would refuse 100 for one.
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
