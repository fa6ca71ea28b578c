"""A name of timm with a tag is downloaded: from a stand-in of the hub on this machine, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import timm
import torch
from safetensors.torch import save_file

NAME = "timm/test_vit.r160_in1k"
FILE = "/timm/test_vit.r160_in1k/resolve/main/model.safetensors"
LOAD = f"""
import torch
from rt_utils.models.catalogue import load_encoder
from rt_utils.runtime.errors import InputError
try:
    print(load_encoder({NAME!r}).features(torch.full((1, 3, 160, 160), 0.5)).tolist())
except InputError as error:
    print(f"refused: {{error}}")
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """Its address. It has one file, the weights of seed 3."""
    torch.manual_seed(3)
    save_file(timm.create_model("test_vit").state_dict(), tmp_path / "model.safetensors", metadata={"format": "pt"})
    content = (tmp_path / "model.safetensors").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            found = self.path.partition("?")[0] == FILE
            self.send_response(200 if found else 404)
            self.send_header("ETag", '"abc"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("Content-Length", str(len(content) if found else 0))
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            if self.path.partition("?")[0] == FILE:
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def loaded(address: str, home: Path) -> str:
    """What a new process prints that loads the encoder."""
    hidden = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    settings = hidden | {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run([sys.executable, "-c", LOAD], env=settings, capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.slow
def test_a_tag_is_downloaded_and_a_failed_download_is_one_line(hub: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = timm.create_model("test_vit").eval()
    mean, std = (torch.tensor(network.pretrained_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    network.reset_classifier(0)
    with torch.no_grad():
        expected = network((torch.full((1, 3, 160, 160), 0.5) - mean) / std)
    found = torch.tensor([[float(value) for value in loaded(hub, tmp_path / "home").strip("[]").split(",")]])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    line = loaded(f"{hub}/nowhere", tmp_path / "other home")
    assert line.startswith(f"refused: {NAME} cannot be made (")
    assert line.endswith(f"weights that you have: file:PATH@{NAME}; random ones: timm/test_vit")
