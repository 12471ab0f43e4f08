"""A process that stands for the program: hands its streams to the server of :mod:`tests.program`, and ends as that ends.

Run with ``-I -S``: it costs a bare interpreter. Arguments: the server's socket, then those of the program.
"""

import json
import os
import socket
import sys


def address(name: str) -> str:
    """Where a socket of this name is: in no folder, so that nothing stays behind (unix(7), "abstract")."""
    return f"\0{name}"


def ask(place: str, arguments: list[str], folder: str, variables: dict[str, str], streams: list[int]) -> socket.socket:
    """Have the program run; what is read from the socket are its process id and its exit code, four bytes each."""
    order = json.dumps([arguments, folder, variables]).encode("ascii")
    server = socket.socket(socket.AF_UNIX)
    server.connect(address(place))
    socket.send_fds(server, [len(order).to_bytes(4, "big")], streams)
    server.sendall(order)
    return server


def number(connection: socket.socket) -> int:
    """Read one number. Raises EOFError where the other side is gone."""
    data = connection.recv(4, socket.MSG_WAITALL)
    if len(data) < 4:
        raise EOFError
    return int.from_bytes(data, "big", signed=True)


if __name__ == "__main__":
    program = ask(sys.argv[1], sys.argv[2:], os.getcwd(), dict(os.environ), [0, 1, 2])  # noqa: PTH109 - a bare interpreter
    for stream in (0, 1, 2):
        os.close(stream)
    number(program)
    os._exit(number(program) & 0xFF)
