"""Server processes under measurement: started in a directory of their own, asked, killed, and what they have cost."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "integration"))
from cluster_harness import die_with_parent, free_port  # noqa: E402 (found by the line above)

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time that the process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def pinned(words):
    """The load generator's command line, on the last processor where there are several."""
    return ["taskset", "-c", str(os.cpu_count() - 1), *words] if os.cpu_count() > 1 else words


class Server:
    """A server process in a directory of its own."""

    def __init__(self, label, program, arguments):
        self.label, self.program, self.arguments = label, program, arguments
        self.port = free_port()
        self.directory = tempfile.mkdtemp(prefix="torc-bench-")
        self.start()

    def start(self):
        """Starts it; returns the seconds until it answered a command on data."""
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [self.program, "--port", str(self.port), "--dir", self.directory, *self.arguments],
            stdout=open(self.directory + ".output", "ab"),
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )
        while True:
            if self.process.poll() is not None:
                sys.exit(f"{self.label}: {self.program} ended at its start")
            with contextlib.suppress(OSError):
                if self.ask("GET", "key:000000000000").startswith(b"$"):
                    return time.monotonic() - begin
            time.sleep(0.005)

    def ask(self, *words):
        with socket.create_connection(("127.0.0.1", self.port), timeout=600) as connection:
            command = b"*%d\r\n" % len(words)
            for word in words:
                command += b"$%d\r\n%s\r\n" % (len(word), word.encode())
            connection.sendall(command)
            reply = connection.recv(65536)
            size = re.match(rb"\$(\d+)\r\n", reply)
            while size and len(reply) < len(size[0]) + int(size[1]) + 2:
                reply += connection.recv(65536)
            return reply

    def info(self, name):
        match = re.search(rb"^" + name.encode() + rb":(.*?)\r?$", self.ask("INFO", "everything"), re.M)
        return match[1].decode() if match else ""

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)

    def resident_bytes(self):
        return resident_bytes(self.process.pid)

    def disk_bytes(self):
        total = 0
        for folder, _, names in os.walk(self.directory):
            for name in names:
                with contextlib.suppress(OSError):
                    total += os.stat(os.path.join(folder, name)).st_size
        return total

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        os.remove(self.directory + ".output")
