#!/usr/bin/env python3
"""Kills a torc-server at random and at every named crash point, and checks what it remembers.

Each writer owns two databases and one connection, on which it pipelines commands of many kinds. Since a
connection executes in order and the log is one sequence, after a restart its databases must equal the model
after every acknowledged command and some prefix of the unacknowledged ones: nothing acknowledged lost, nothing
deleted back, no value invented, no half batch. A reader watches counters and checks that what anybody has
read is never taken back. The data directory lives on from round to round, until it has grown so large (compaction
falls behind in lives of a second) that starting would take most of the time: then an empty one takes its place.

usage: crash_test.py SERVER --source DIR [--points all|none|PREFIX] [--random ROUNDS] [--seed N]
"""
import argparse
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

WRITERS = 3
PIPELINE = 24
SHORT_TTL_MS = 60
TICK_DATABASE = 15
MOST_BYTES = 150_000_000


class Gone(Exception):
    """The server closed the connection, or died."""


class ErrorReply(Exception):
    pass


class Connection:
    """A RESP2 client: send any number of commands, read the replies in order."""

    def __init__(self, port):
        try:
            self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
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
            if kind == b"$":
                if int(rest) < 0:
                    return None
                body = self.input.read(int(rest) + 2)
                if len(body) != int(rest) + 2:
                    raise Gone("connection closed")
                return body[:-2]
            if kind == b"*":
                return None if int(rest) < 0 else [self.read() for _ in range(int(rest))]
        except OSError as error:
            raise Gone(error) from error
        raise AssertionError(f"not a reply: {line!r}")

    def call(self, *command):
        self.send([command])
        reply = self.read()
        if isinstance(reply, ErrorReply):
            raise reply
        return reply

    def close(self):
        self.input.close()
        self.socket.close()


class Model:
    """What a writer's two databases hold; a value is (bytes, has a TTL)."""

    def __init__(self, databases=None):
        self.databases = databases or [{}, {}]

    def copy(self):
        return Model([dict(d) for d in self.databases])

    def apply(self, command, selected):
        name, *args = command
        data = self.databases[selected]
        if name == "SET":
            data[args[0]] = (args[1], len(args) > 2)
            if len(args) > 2 and args[3] == SHORT_TTL_MS:
                del data[args[0]]  # checks wait until it's over
        elif name == "DEL":
            for key in args:
                data.pop(key, None)
        elif name == "GETDEL":
            data.pop(args[0], None)
        elif name == "APPEND":
            old, ttl = data.get(args[0], (b"", False))
            data[args[0]] = (old + args[1], ttl)
        elif name == "INCR":
            old, ttl = data.get(args[0], (b"0", False))
            data[args[0]] = (b"%d" % (int(old) + 1), ttl)
        elif name == "MSET":
            for key, value in zip(args[::2], args[1::2]):
                data[key] = (value, False)
        elif name == "RENAME":
            if args[0] in data:
                data[args[1]] = data.pop(args[0])
        elif name == "COPY":
            if args[0] in data:
                data[args[1]] = data[args[0]]
        elif name == "PERSIST":
            if args[0] in data:
                data[args[0]] = (data[args[0]][0], False)
        elif name == "EXPIRE":
            if args[0] in data:
                data[args[0]] = (data[args[0]][0], True)
        elif name == "FLUSHDB":
            data.clear()
        elif name == "SWAPDB":
            self.databases.reverse()
        else:
            raise AssertionError(name)


class Writer(threading.Thread):
    def __init__(self, number, port, seed, model, sequence):
        super().__init__(daemon=True)
        self.number = number
        self.port = port
        self.random = random.Random(seed)
        self.model = model  # after every acknowledged command
        self.pending = []  # units (lists of (command, selected)) without acknowledgement, in order
        self.sequence = sequence
        self.selected = 0
        self.acknowledged = 0
        self.refused = 0
        self.failure = None

    def value(self):
        self.sequence += 1
        size = self.random.choice((0, 10, 200, 1500, 20000))
        return b"%d:%d:" % (self.number, self.sequence) + b"." * size

    def command(self):
        r = self.random
        key = b"k%d" % r.randrange(150)
        pick = r.randrange(1000)
        if pick < 60:  # cold keys: they keep old segments partly alive, so that compaction has to copy
            return ("SET", b"cold%d" % r.randrange(1500), b"%d:%d" % (self.number, self.sequence))
        if pick < 350:
            return ("SET", key, self.value())
        if pick < 420:
            return ("SET", key, self.value(), "PX", 3_600_000)
        if pick < 470:  # keys whose newest value soon expires and must not uncover an older one
            return ("SET", b"x%d" % r.randrange(10), self.value(), "PX", SHORT_TTL_MS)
        if pick < 500:
            return ("SET", b"x%d" % r.randrange(10), self.value())
        if pick < 600:
            return ("DEL", key, b"k%d" % r.randrange(150))
        if pick < 640:
            return ("GETDEL", key)
        if pick < 700:
            return ("APPEND", b"a%d" % r.randrange(10), b"+%d" % self.sequence)
        if pick < 780:
            return ("INCR", b"n%d" % r.randrange(10))
        if pick < 850:
            return ("MSET", *sum(((b"k%d" % r.randrange(150), self.value()) for _ in range(4)), ()))
        if pick < 900:
            return ("RENAME", key, b"k%d" % r.randrange(150))
        if pick < 940:
            return ("COPY", key, b"c%d" % r.randrange(50), "REPLACE")
        if pick < 965:
            return ("PERSIST", key)
        if pick < 992:
            return ("EXPIRE", key, 3600)
        if pick < 993:
            return ("FLUSHDB",)
        if pick < 997:
            return ("SWAPDB", 2 * self.number, 2 * self.number + 1)
        return ("DEL", b"a%d" % r.randrange(10), b"n%d" % r.randrange(10))

    def unit(self):
        """The wire form of one atomic unit, and what it does to the model."""
        if self.random.randrange(50) == 0:
            self.selected = 1 - self.selected
            return [("SELECT", 2 * self.number + self.selected)], []
        if self.random.randrange(12) == 0:
            body = [self.command() for _ in range(self.random.randrange(2, 6))]
            body = [c for c in body if c[0] not in ("RENAME", "SWAPDB", "FLUSHDB")]
            effects = [(c, self.selected) for c in body]
            return [("MULTI",), *body, ("EXEC",)], effects
        command = self.command()
        return [command], [(command, self.selected)]

    def run(self):
        try:
            connection = Connection(self.port)
            connection.call("SELECT", 2 * self.number)
            while True:
                wires = []
                batch = []
                for _ in range(self.random.randrange(1, PIPELINE)):
                    wire, effects = self.unit()
                    wires.append(wire)
                    batch.append(effects)
                self.pending = list(batch)
                connection.send([command for wire in wires for command in wire])
                for wire, effects in zip(wires, batch):
                    replies = [connection.read() for _ in wire]
                    self.settle(wire, replies, effects)
            connection.close()
        except Gone:
            pass
        except Exception as error:  # reported by the main thread
            self.failure = error

    def settle(self, wire, replies, effects):
        last = replies[-1]
        if isinstance(last, ErrorReply):
            if not (wire[0][0] == "RENAME" and str(last) == "ERR no such key"):
                self.failure = AssertionError(f"{wire[-1][:2]}: {last}")
                raise Gone(last)
            self.refused += 1
        for command, selected in effects:
            self.model.apply(command, selected)
        self.pending.pop(0)
        self.acknowledged += 1


class Ticker(threading.Thread):
    """Counts up in a database of its own, one command at a time."""

    def __init__(self, port, start):
        super().__init__(daemon=True)
        self.port = port
        self.acknowledged = start
        self.sent = start

    def run(self):
        try:
            connection = Connection(self.port)
            connection.call("SELECT", TICK_DATABASE)
            while True:
                self.sent += 1
                self.acknowledged = connection.call("INCR", "tick")
        except Gone:
            pass


class Reader(threading.Thread):
    """Reads the counter as fast as it can: what it was shown must never be taken back."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.seen = 0

    def run(self):
        try:
            connection = Connection(self.port)
            connection.call("SELECT", TICK_DATABASE)
            while True:
                self.seen = int(connection.call("GET", "tick") or 0)
        except Gone:
            pass


class Server:
    def __init__(self, binary, directory, port, crash_at=None):
        self.port = port
        environment = dict(os.environ)
        environment.pop("TORC_CRASH_AT", None)
        if crash_at:
            environment["TORC_CRASH_AT"] = crash_at
        self.output = open(os.path.join(directory, "..", "server.log"), "ab")
        self.process = subprocess.Popen(
            [binary, "--port", str(port), "--dir", directory, "--appendonly", "yes", "--appendfsync", "everysec",
             "--segment-size", "1mb", "--compaction-max-space-percent", "110", "--io-threads", "2"],
            env=environment, stdout=self.output, stderr=subprocess.STDOUT)

    def wait_ready(self, seconds=60):
        """True when it serves; False when it died before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return False
            try:
                connection = Connection(self.port)
                try:
                    connection.call("GET", "probe")
                    return True
                except ErrorReply:
                    pass
                finally:
                    connection.close()
            except Gone:
                pass
            time.sleep(0.02)
        raise AssertionError("the server does not come up")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.output.close()


def dump(port, number):
    connection = Connection(port)
    databases = []
    for db in (2 * number, 2 * number + 1):
        connection.call("SELECT", db)
        keys = sorted(connection.call("KEYS", "*"))
        connection.send([("GET", key) for key in keys] + [("PTTL", key) for key in keys])
        replies = [connection.read() for _ in range(2 * len(keys))]
        for reply in replies:
            if isinstance(reply, ErrorReply):
                raise AssertionError(f"a read failed: {reply}")
        values, ttls = replies[:len(keys)], replies[len(keys):]
        databases.append({k: (v, t > 0) for k, v, t in zip(keys, values, ttls) if v is not None})
        size = connection.call("DBSIZE")
        if size < len(keys):  # it may still count expired keys
            raise AssertionError(f"DBSIZE {size}, KEYS {len(keys)}")
    connection.close()
    return databases


def difference(expected, actual):
    lines = []
    for i, (want, have) in enumerate(zip(expected, actual)):
        for key in sorted(want.keys() | have.keys()):
            if want.get(key) != have.get(key):
                show = lambda v: "absent" if v is None else f"{v[0][:24]!r}({len(v[0])}, ttl {v[1]})"
                lines.append(f"  db {i} {key!r}: expected {show(want.get(key))}, found {show(have.get(key))}")
    return "\n".join(lines[:12])


def check(port, writer):
    """The model as the server has it now: acknowledged plus a prefix of the pending units."""
    actual = dump(port, writer.number)
    model = writer.model.copy()
    if model.databases == actual:
        return model
    for effects in writer.pending:
        for command, selected in effects:
            model.apply(command, selected)
        if model.databases == actual:
            return model
    raise AssertionError(
        f"writer {writer.number}: {writer.acknowledged} acknowledged, {len(writer.pending)} pending; "
        f"nearest is the acknowledged state:\n{difference(writer.model.databases, actual)}")


class Run:
    def __init__(self, arguments):
        self.binary = arguments.server
        self.root = tempfile.mkdtemp(prefix="torc-crash-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.random = random.Random(arguments.seed)
        self.server = None
        self.directory = os.path.join(self.root, "data")
        self.begin_empty()

    def begin_empty(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        os.mkdir(self.directory)
        self.models = [Model() for _ in range(WRITERS)]
        self.sequences = [0] * WRITERS
        self.tick = 0

    def stored_bytes(self):
        return sum(entry.stat().st_size for entry in os.scandir(self.directory) if entry.is_file())

    def round(self, crash_at, seconds):
        """One life of the server and the check after it. True when the crash point was reached."""
        # Backups share the segments' files and would keep the space of every one that compaction drops.
        shutil.rmtree(os.path.join(self.directory, "backups"), ignore_errors=True)
        if self.stored_bytes() > MOST_BYTES:
            self.begin_empty()
        self.server = Server(self.binary, self.directory, self.port, crash_at)
        reached = not self.server.wait_ready()
        writers = []
        ticker = reader = None
        if not reached:
            writers = [Writer(i, self.port, self.random.random(), self.models[i].copy(), self.sequences[i])
                       for i in range(WRITERS)]
            ticker = Ticker(self.port, self.tick)
            reader = Reader(self.port)
            for thread in (*writers, ticker, reader):
                thread.start()
            deadline = time.monotonic() + seconds
            # Backups and compaction share a thread: a compaction's point is reached sooner without them.
            backups = crash_at is None or not crash_at.startswith("compaction.")
            next_backup = time.monotonic() + 0.3
            while time.monotonic() < deadline and self.server.process.poll() is None:
                time.sleep(0.02)
                if backups and time.monotonic() >= next_backup:
                    next_backup += 1
                    self.backup()
            reached = self.server.process.poll() is not None
        if reached and self.server.process.returncode != -signal.SIGKILL:
            raise AssertionError(f"the server ended by itself: status {self.server.process.returncode}")
        self.server.kill()
        for thread in writers:
            thread.join()
            if thread.failure:
                raise thread.failure
        if reader:
            ticker.join()
            reader.join()
        self.verify(writers, ticker, reader)
        return reached

    def backup(self):
        try:
            connection = Connection(self.port)
            connection.send([("BGSAVE",)])
            connection.read()
            connection.close()
        except Gone:
            pass

    def verify(self, writers, ticker, reader):
        time.sleep(SHORT_TTL_MS / 1000 + 0.05)
        self.server = Server(self.binary, self.directory, self.port)
        if not self.server.wait_ready():
            raise AssertionError("the server does not start again")
        connection = Connection(self.port)
        connection.call("SELECT", TICK_DATABASE)
        tick = int(connection.call("GET", "tick") or 0)
        connection.close()
        least = max(ticker.acknowledged, reader.seen) if ticker else self.tick
        most = ticker.sent if ticker else self.tick
        if not least <= tick <= most:
            raise AssertionError(f"the counter is {tick}; acknowledged or read: {least}, sent: {most}")
        self.tick = tick
        for writer in writers:
            self.models[writer.number] = check(self.port, writer)
            self.sequences[writer.number] = writer.sequence
        if not writers:
            for number in range(WRITERS):
                actual = dump(self.port, number)
                if actual != self.models[number].databases:
                    raise AssertionError(f"changed by starting:\n"
                                         f"{difference(self.models[number].databases, actual)}")
        self.server.kill()

    def finish(self, failed):
        if self.server and self.server.process.poll() is None:
            self.server.kill()
        if failed:
            print(f"data directory and server.log kept in {self.root}")
        else:
            shutil.rmtree(self.root)


def crash_points(source):
    names = set()
    for path in pathlib.Path(source, "src").rglob("*.cc"):
        names.update(re.findall(r'TORC_CRASH_POINT\("([^"]+)"\)', path.read_text()))
    return sorted(names)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--source", default=".")
    parser.add_argument("--points", default="all")
    parser.add_argument("--random", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")

    run = Run(arguments)
    failed = True
    try:
        for i in range(arguments.random):
            print(f"kill -9 at random, round {i + 1}", flush=True)
            run.round(None, run.random.uniform(0.1, arguments.seconds))
        names = [] if arguments.points == "none" else crash_points(arguments.source)
        if arguments.points != "all":
            names = [name for name in names if name.startswith(arguments.points)]
        unreached = []
        for name in names:
            reached = False
            for nth in (1, run.random.randrange(2, 6)):
                reached = run.round(f"{name}:{nth}", 5 * arguments.seconds if nth == 1 else arguments.seconds)
                print(f"{name}:{nth} {'reached' if reached else 'not reached'}", flush=True)
                if nth == 1 and not reached:
                    unreached.append(name)
                    break
        if names and len(unreached) > len(names) // 2:
            raise AssertionError("most crash points were never reached; is the build without TORC_CRASH_POINTS?")
        if unreached:
            print("not reached by this workload: " + " ".join(unreached))
        failed = False
    except AssertionError as error:
        print(f"FAILED: {error}")
    finally:
        run.finish(failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
