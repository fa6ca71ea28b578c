"""`make serve`: the built book at an address of this machine alone, until Ctrl-C. The argument is the port."""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HTML = Path(__file__).resolve().parent.parent / "_build" / "html"


def main(port: str) -> None:
    """Serve until Ctrl-C; one line where the book is not there, or the port is none or is taken."""
    if not (HTML / "index.html").exists():
        sys.exit("make serve: the book has not been built yet: make book")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        sys.exit(f"make serve: PORT={port} is no port: give a number from 1 to 65535")
    try:
        server = ThreadingHTTPServer(("127.0.0.1", int(port)), partial(SimpleHTTPRequestHandler, directory=str(HTML)))
    except OSError as error:
        sys.exit(f"make serve: port {port} cannot be used ({error.strerror}): give another one, make serve PORT=8001")
    print(f"http://127.0.0.1:{port}/ (Ctrl-C ends it)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main(sys.argv[1])
