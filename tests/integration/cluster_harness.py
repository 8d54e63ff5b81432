"""Starts, stops, freezes and looks at real clusters: N processes of one torc-server, each with its own directory.

Nothing here outlives the test: every process dies with the test's own (PR_SET_PDEATHSIG).
"""
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

START_SECONDS = 30
SUSPICION = re.compile(r"\d+:M (?P<when>\d+ \w+ \d+ [\d:]+)\.(?P<ms>\d+) . "
                       r"(Node (?P<subject>[0-9a-f]{40}): \w+: (no answer for|unreachable for)|\S+ did not run for)")
BUS_OFFSET = 10000


class Gone(Exception):
    """The connection ended, was refused or fell silent."""


class Silent(Gone):
    """No reply within the client's patience."""


class ErrorReply(Exception):
    @property
    def code(self):
        return str(self).split(" ", 1)[0]


class Client:
    """One connection, commands in order. RESP2, and RESP3 after HELLO 3: maps as dict, sets as list."""

    def __init__(self, address, timeout=8.0):
        self.address = address
        try:
            self.socket = socket.create_connection(address, timeout=timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise Gone(error) from error
        self.input = self.socket.makefile("rb")

    def send(self, commands):
        out = bytearray()
        for command in commands:
            out += b"*%d\r\n" % len(command)
            for word in command:
                word = word if isinstance(word, bytes) else str(word).encode()
                out += b"$%d\r\n%s\r\n" % (len(word), word)
        try:
            self.socket.sendall(out)
        except OSError as error:
            raise Gone(error) from error

    def read(self):
        try:
            line = self.input.readline()
            if not line.endswith(b"\r\n"):
                raise Gone("connection closed")
            kind, rest = line[:1], line[1:-2]
            if kind == b"+":
                return rest
            if kind == b"-":
                return ErrorReply(rest.decode())
            if kind == b":":
                return int(rest)
            if kind == b"_":
                return None
            if kind == b"#":
                return rest == b"t"
            if kind == b",":
                return float(rest)
            if kind in b"$=":
                if int(rest) < 0:
                    return None
                body = self.input.read(int(rest) + 2)
                if len(body) != int(rest) + 2:
                    raise Gone("connection closed")
                return body[4:-2] if kind == b"=" else body[:-2]
            if kind in b"*~":
                return None if int(rest) < 0 else [self.read() for _ in range(int(rest))]
            if kind == b"%":
                return {self.read().decode(): self.read() for _ in range(int(rest))}
        except TimeoutError as error:
            raise Silent(error) from error
        except OSError as error:
            raise Gone(error) from error
        raise AssertionError(f"not a reply: {line!r}")

    def call(self, *command):
        self.send([command])
        reply = self.read()
        if isinstance(reply, ErrorReply):
            raise reply
        return reply

    def pipeline(self, commands, chunk=1000):
        replies = []
        for at in range(0, len(commands), chunk):
            part = commands[at:at + chunk]
            self.send(part)
            replies += [self.read() for _ in part]
        return replies

    def close(self):
        self.input.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def die_with_parent():
    """Runs in the child: PR_SET_PDEATHSIG."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)


def free_port():
    """A port whose bus port is free, too."""
    while True:
        with socket.socket() as client, socket.socket() as bus:
            client.bind(("127.0.0.1", 0))
            port = client.getsockname()[1]
            if port + BUS_OFFSET > 65535:
                continue
            try:
                bus.bind(("127.0.0.1", port + BUS_OFFSET))
            except OSError:
                continue
            return port


def as_map(reply):
    return {reply[i].decode(): reply[i + 1] for i in range(0, len(reply), 2)}


class Node:
    def __init__(self, binary, root, name, options=(), host="127.0.0.1", port=None, prefix=()):
        self.binary = binary
        self.name = name
        self.directory = os.path.join(root, name)
        self.log = os.path.join(root, name + ".log")
        self.options = list(options)
        self.host = host
        self.port = port or free_port()
        self.prefix = list(prefix)  # what runs the server somewhere else: nsenter
        self.process = None
        self.frozen = False
        self.name_in_cluster = None
        self.absent_since = None
        self.absences = []  # (from, to), wall clock: when others may rightly miss it
        os.makedirs(self.directory, exist_ok=True)

    @property
    def address(self):
        return (self.host, self.port)

    @property
    def bus(self):
        return f"{self.host}:{self.port + BUS_OFFSET}"

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None and not self.frozen

    def start(self, *more):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, self.binary, "--bind", self.host, "--port", str(self.port), "--dir", self.directory,
                 *self.options, *more],
                stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
        return self

    def wait_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended by itself with status {self.process.returncode}; "
                                     f"the end of its log:\n{self.log_end()}")
            try:
                with self.client(timeout=2) as client:
                    if client.call("PING") == b"PONG":
                        self.is_back()
                        return self
            except (Gone, ErrorReply):
                time.sleep(0.02)
        raise AssertionError(f"{self.name} does not come up; the end of its log:\n{self.log_end()}")

    def log_end(self, lines=15):
        with open(self.log, errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def is_away(self):
        self.absent_since = self.absent_since or time.time()

    def is_back(self):
        if self.absent_since is not None:
            self.absences.append((self.absent_since, time.time() + 1))
            self.absent_since = None

    def was_away(self, when):
        if self.absent_since is not None and when >= self.absent_since:
            return True
        return any(begin <= when <= end for begin, end in self.absences)

    def kill(self):
        self.is_away()
        self.process.kill()
        self.process.wait()
        self.frozen = False

    def terminate(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} doesn't end after SIGTERM") from None

    def freeze(self):
        self.is_away()
        self.process.send_signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
        self.frozen = False
        self.is_back()

    def client(self, timeout=8.0):
        return Client(self.address, timeout)

    def call(self, *command, timeout=20.0):
        with self.client(timeout) as client:
            return client.call(*command)

    def info(self, section):
        text = self.call("INFO", section).decode()
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)

    def id(self):
        return self.call("CLUSTER", "MYID").decode()

    def ring(self):
        return as_map(self.call("TORC.RING"))

    def members(self):
        return [as_map(member) for member in self.call("TORC.MEMBERS")]


class Cluster:
    """Nodes of one ring. The first founds it; those that come later are given all others as seeds."""

    def __init__(self, binary, root, options=(), name="node"):
        self.binary = binary
        self.root = root
        self.name = name
        self.options = ["--cluster-enabled", "yes", "--appendonly", "yes", "--anti-entropy-interval", "5", *options]
        self.nodes = []
        self.names = {}  # of all that ever belonged to it
        self.started = 0

    def add(self, *options, **where):
        """Starts a node and returns it when it is in the ring; data may still be on its way to it."""
        seeds = ",".join(node.bus for node in self.nodes)
        node = Node(self.binary, self.root, f"{self.name}{self.started + 1}",
                    [*self.options, *(["--cluster-seeds", seeds] if seeds else []), *options], **where)
        self.started += 1
        node.start().wait_ready()
        if "--cluster-enabled" in self.options:
            self.wait_for(f"{node.name} is let in", lambda: node.ring()["members"])
            node.name_in_cluster = node.id()
            self.names[node.name_in_cluster] = node
        self.nodes.append(node)
        return node

    def form(self, count):
        for _ in range(count):
            self.add()
        self.wait_settled()
        return self

    def remove(self, node):
        self.nodes.remove(node)

    def why_unsettled(self, members):
        """Empty when every live node sees a ring of so many members, at rest, with nothing left to settle."""
        epochs = set()
        living = sum(node.alive for node in self.nodes)
        for node in self.nodes:
            if not node.alive:
                continue
            try:
                ring = node.ring()
                epochs.add(ring["epoch"])
                if ring["move"] is not None:
                    return f"{node.name}: the ring is moving ({as_map(ring['move'])})"
                if len(ring["members"]) != members:
                    return f"{node.name}: {len(ring['members'])} members"
                heard = [member for member in node.members()
                         if member["ring"] == b"member" and member["state"] != b"down"]
                if len(heard) != living:
                    return f"{node.name}: hears {len(heard)} of {living} members"
                for member in heard:
                    if member["state"] != b"alive":
                        return f"{node.name}: {member['client']} is {member['state']}"
                    if member["unsettled-shards"] != 0:
                        return f"{node.name}: {member['client']} has {member['unsettled-shards']} unsettled shards"
            except (Gone, ErrorReply) as error:
                return f"{node.name}: {error}"
        return "" if len(epochs) == 1 else f"different epochs: {epochs}"

    def wait_settled(self, members=None, seconds=60):
        members = members or len(self.nodes)
        deadline = time.monotonic() + seconds
        while True:
            why = self.why_unsettled(members)
            if not why:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"the cluster doesn't come to rest within {seconds} s: {why}")
            time.sleep(0.1)

    def wait_for(self, what, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {seconds} s")
            time.sleep(0.1)

    def misjudged(self):
        """What nodes said of others that were there all the time, and of their own pauses: then the machine was too
        busy for them, and for a moment two may have decided for one key."""
        found = []
        for node in self.nodes:
            with open(node.log, errors="replace") as log:
                for line in log:
                    said = SUSPICION.match(line)
                    if said is None:
                        continue
                    when = time.mktime(time.strptime(said["when"], "%d %b %Y %H:%M:%S")) + int(said["ms"]) / 1000
                    subject = node if said["subject"] is None else self.names.get(said["subject"])
                    if subject is not None and not subject.was_away(when):
                        found.append(f"{node.name}: {line.strip()}")
        return found

    def check_alive(self):
        for node in self.nodes:
            if node.process.poll() not in (None, -signal.SIGKILL):
                raise AssertionError(f"{node.name} ended by itself with status {node.process.returncode}; "
                                     f"the end of its log:\n{node.log_end()}")

    def stop(self):
        for node in self.nodes:
            if node.process is not None and node.process.poll() is None:
                node.process.kill()
                node.process.wait()


class Workplace:
    """A directory for one scenario, kept when it failed."""

    def __init__(self, name):
        self.root = tempfile.mkdtemp(prefix=f"torc-{name}-")

    def __enter__(self):
        return self.root

    def __exit__(self, kind, *_):
        if kind is None:
            shutil.rmtree(self.root, ignore_errors=True)
        else:
            print(f"  logs and data kept in {self.root}", flush=True)
