"""A user's own modules: imported as the user's script would import them, each known by the digest of its source."""

import contextlib
import hashlib
import importlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from rt_utils.models.factory_names import Factory
from rt_utils.runtime.paths import PACKAGE

_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = tuple({str(Path(sysconfig.get_path(kind)).resolve()) for kind in ("stdlib", "platstdlib")})
# By source of the factory: the modules that came with it, and the digests of their sources then.
_imported: dict[Path, dict[str, tuple[ModuleType, str]]] = {}


def _source(module: ModuleType) -> Path | None:
    """The file of a module that is neither Python's own nor installed nor this package's; else None."""
    file = getattr(module, "__file__", None)
    if not file or module.__name__.partition(".")[0] in (PACKAGE.name, "__main__"):
        return None
    path = Path(file).resolve()
    if any(part in _INSTALLED for part in path.parts) or str(path).startswith(_STANDARD):
        return None
    return path if path.is_file() else None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _unchanged(modules: dict[str, tuple[ModuleType, str]]) -> bool:
    sources = ((_source(module), digest) for module, digest in modules.values())
    return all(path is not None and _digest(path) == digest for path, digest in sources)


@contextlib.contextmanager
def importing(factory: Factory) -> Iterator[dict[str, str]]:
    """While it lasts, Python looks into the factory's folder first, and other factories' modules are out of the way.

    So two folders may each have a `model.py`. A module whose source changed is imported again. What it yields holds at
    the end, by name, the digest of every module of the user's that was imported.
    """
    for other, modules in _imported.items():
        if other != factory.source or not _unchanged(modules):
            for name in modules:
                sys.modules.pop(name, None)
    own = _imported.get(factory.source, {})
    own = own if _unchanged(own) else {}
    sys.modules.update({name: module for name, (module, _) in own.items()})
    before, digests = set(sys.modules) - set(own), dict[str, str]()
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # leave nothing in the user's folder
    sys.path.insert(0, str(factory.folder))
    importlib.invalidate_caches()
    try:
        yield digests
    finally:
        sys.path.remove(str(factory.folder))
        sys.dont_write_bytecode = writes
        new = {name: module for name, module in list(sys.modules.items()) if name not in before}
        found = {name: (module, path) for name, module in new.items() if (path := _source(module))}
        _imported[factory.source] = {name: (module, _digest(path)) for name, (module, path) in found.items()}
        digests |= {name: digest for name, (_, digest) in _imported[factory.source].items()}


def module(factory: Factory) -> ModuleType:
    """The factory's module, imported; a file is one under the name `python_file_STEM`. Raises what the code raises."""
    if factory.module:
        return importlib.import_module(factory.module)
    name = f"python_file_{factory.source.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, factory.source)
    assert spec is not None
    assert spec.loader is not None
    made = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(made)
    except BaseException:
        del sys.modules[name]
        raise
    return made
