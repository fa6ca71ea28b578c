"""`make serve`: the built book on this machine, and what it says where it cannot."""

import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "book"))
import serve


@pytest.fixture
def html(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "index.html").write_text("the book", "utf-8")
    monkeypatch.setattr(serve, "HTML", tmp_path)
    return tmp_path


def test_it_shows_the_book(html: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'book')!r}); import pathlib, serve; "
    code += f"serve.HTML = pathlib.Path({str(html)!r}); serve.main('{port}')"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == f"http://127.0.0.1:{port}/ (Ctrl-C ends it)\n"
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/").read() == b"the book"
        it.terminate()


def test_what_cannot_be_served_is_one_line(html: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(SystemExit, match=f"port {port} cannot be used"):
            serve.main(port)
    with pytest.raises(SystemExit, match="PORT=x is no port"):
        serve.main("x")
    monkeypatch.setattr(serve, "HTML", html / "none")
    with pytest.raises(SystemExit, match="has not been built yet: make book"):
        serve.main("8000")
