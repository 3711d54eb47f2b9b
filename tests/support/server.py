"""The command `rangeland` without the start of a python each time.

A process imports the command once, and forks another one for each call, which has
its own arguments, environment, folder and files, and ends as the command does.
"""

import array
import json
import os
import socket
import subprocess
import sys
import tempfile
import traceback

# What is read when python or the packages start, so that a fork has it from its parent.
AT_START = ("PYTHON", "RANGELAND_", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_")
LONGEST = 1 << 20


class Server:
    """The process, as seen by who calls commands of it. A context manager."""

    def __init__(self, environment):
        self.environment = environment
        self.socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.process.wait()

    def serves(self, environment):
        """True if a process with this environment would start as the forks here do."""
        names = {n for n in (*environment, *self.environment) if n.startswith(AT_START)}
        return all(environment.get(name) == self.environment.get(name) for name in names)

    def run(self, args, environment, folder, stdin=None, timeout=1800):
        """The CompletedProcess of `rangeland` with `args`, with text; `stdin` is an open
        file, or what is empty."""
        request = json.dumps([args, environment, str(folder)]).encode()
        self.socket.settimeout(timeout)
        with open(os.devnull) as null, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            fds = array.array("i", [file.fileno() for file in (stdin or null, out, err)])
            self.socket.sendall(len(request).to_bytes(8, "little"))
            socket.send_fds(self.socket, [request[:1]], fds)
            self.socket.sendall(request[1:])
            try:
                status = int.from_bytes(_exactly(self.socket, 8), "little", signed=True)
            except TimeoutError:
                self.process.kill()
                raise subprocess.TimeoutExpired(args, timeout) from None
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode())
        return subprocess.CompletedProcess(["rangeland", *args], status, *texts)


def _exactly(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError("the process that runs the commands has ended")
        data += part
    return data


def serve(connection):
    """Run what is asked for, until nobody asks any more."""
    import gc

    import rangeland.cli.main  # noqa: F401
    from rangeland.__main__ import main
    from rangeland.traces.arrow import pyarrow

    pyarrow()
    gc.freeze()
    while True:
        try:
            size = int.from_bytes(_exactly(connection, 8), "little")
        except EOFError:
            return
        first, fds, _, _ = socket.recv_fds(connection, 1, 3)
        request = json.loads(first + _exactly(connection, size - 1))
        pid = os.fork()
        if pid == 0:
            connection.close()
            _fork(main, fds, *request)
        for fd in fds:
            os.close(fd)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        connection.sendall(status.to_bytes(8, "little", signed=True))


def _fork(main, fds, args, environment, folder):
    """Be the command, and end."""
    status = 1
    try:
        for number, fd in enumerate(fds):
            os.dup2(fd, number)
            os.close(fd)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv[:] = ["rangeland", *args]
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        serve(asked)
