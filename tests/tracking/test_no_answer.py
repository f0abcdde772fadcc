"""Servers that do not answer as they should: one sentence, soon."""

import socket
import threading
import time

import pytest

QUICK = ("preset=smoke", "transform=displacement", "pair=phantom_2d")


def silent(connection: socket.socket) -> None:
    """Takes a request and says nothing."""
    connection.recv(10_000)
    time.sleep(60)


def garbage(connection: socket.socket) -> None:
    connection.recv(10_000)
    connection.sendall(b"SSH-2.0-nothing\r\n")
    connection.close()


def closes(connection: socket.socket) -> None:
    connection.close()


def page(connection: socket.socket) -> None:
    connection.recv(10_000)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>")
    connection.close()


@pytest.fixture
def server(request):
    """The address of a server that answers as `request.param` does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection = listening.accept()[0]
                except OSError:
                    return
                threading.Thread(target=request.param, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def refused(pairreg, address, folder):
    began = time.monotonic()
    done = pairreg(*QUICK, cwd=folder, MLFLOW_TRACKING_URI=address)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "MLflow at" in done.stderr and "tracking=none" in done.stderr
    assert time.monotonic() - began < 20  # the start of the command included
    assert not list(folder.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("server", [silent, garbage, closes, page], indirect=True)
def test_a_server_that_is_none(server, pairreg, tmp_path):
    refused(pairreg, server, tmp_path)


# None has a name that some network would have to look up.
@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1",
        "http://[::1",
        "http://127.0.0.1:99999",
        "foo://x",
        "postgresql://127.0.0.1:1/x",  # whose driver is missing here
        "postgresql+psycopg2://127.0.0.1:1/x",
    ],
)
def test_an_address_of_nothing(address, pairreg, tmp_path):
    refused(pairreg, address, tmp_path)
