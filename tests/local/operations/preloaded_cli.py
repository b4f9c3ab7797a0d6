"""The AWS CLI, loaded once: each command is a fork of the loaded process and needs no start.

Runs on the CLI's own Python: ``python preloaded_cli.py SOCKET``. The shim ``aws`` sends arguments, environment
variables, folder and standard streams of a command, and receives the exit code.
"""

import json
import os
import socket
import sys
from typing import Any

SERVICES = (
    "cloudformation",
    "cloudwatch",
    "cognito-idp",
    "dynamodb",
    "events",
    "iam",
    "lambda",
    "logs",
    "rekognition",
    "s3",
    "sns",
    "sqs",
    "stepfunctions",
    "sts",
)

SHIM = """#!{python} -IS
import json, os, socket, sys
call = {{"words": sys.argv[1:], "variables": dict(os.environ), "folder": os.getcwd()}}
with socket.socket(socket.AF_UNIX) as server:
    server.connect({socket!r})
    socket.send_fds(server, [json.dumps(call).encode() + b"\\n"], [0, 1, 2])
    server.shutdown(socket.SHUT_WR)
    sys.exit(int(server.recv(16) or b"255"))
"""


def serve(path: str) -> None:
    """Serve until the process ends."""
    # Installed for the CLI's own Python only.
    import awscli.clidriver

    driver = awscli.clidriver.create_clidriver()
    loader = driver.session.get_component("data_loader")
    for service in SERVICES:
        loader.load_service_model(service, "service-2")
        loader.load_service_model(service, "paginators-1")
    loader.load_data("endpoints")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(64)
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                # Nothing has to wait for a grandchild.
                if os.fork() == 0:
                    connection.sendall(str(_run(driver, connection)).encode())
                os._exit(0)
            connection.close()
            os.wait()


def _run(driver: Any, connection: socket.socket) -> int:
    received, streams, _, _ = socket.recv_fds(connection, 2**20, 3)
    while not received.endswith(b"\n"):
        received += connection.recv(2**20)
    call = json.loads(received)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["variables"])
    try:
        code = driver.main(call["words"])
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    return int(code or 0)


if __name__ == "__main__":
    serve(sys.argv[1])
