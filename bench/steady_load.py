"""GET and SET at a steady rate, whatever the servers do: how long each operation took from the moment it was due.

A closed loop stops asking while a server is silent, and so hides what an outage does to latency; here operations fall
due by the clock, wait for a free connection, and all that waiting counts. It behaves as clients do: an operation whose
connection broke is sent again on another one, and broken connections are dialled anew. Runs in a process of its own.
"""

import collections
import multiprocessing
import random
import selectors
import socket
import time

# kind: what it ended with, "ok" or the code of an error reply; again: sent more than once.
Sample = collections.namedtuple("Sample", "due done kind again")

REDIAL_SECONDS = 0.05
DRAIN_SECONDS = 5


class Connection:
    def __init__(self, port):
        self.port = port
        self.socket = None
        self.operation = None
        self.input = b""
        self.dial_at = 0.0


class Operation:
    def __init__(self, due, words):
        self.due, self.sends = due, 0
        self.bytes = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def reply_kind(data):
    """None while the reply is incomplete."""
    end = data.find(b"\r\n")
    if end < 0:
        return None
    if data[:1] == b"-":
        return data[1:end].split(b" ")[0].decode()
    if data[:1] == b"$" and int(data[1:end]) >= 0 and len(data) < end + 4 + int(data[1:end]):
        return None
    return "ok"


class Loop:
    def __init__(self, ports, rate, keys, size, connections):
        self.rate, self.keys, self.value = rate, keys, b"v" * size
        self.random = random.Random(1)
        self.selector = selectors.DefaultSelector()
        self.connections = [Connection(port) for _ in range(connections) for port in ports]
        self.idle = collections.deque()
        self.waiting = collections.deque()
        self.samples = []

    def dial(self, now):
        for connection in self.connections:
            if connection.socket is not None or connection.dial_at > now:
                continue
            try:
                connection.socket = socket.create_connection(("127.0.0.1", connection.port), timeout=1)
            except OSError:
                connection.dial_at = now + REDIAL_SECONDS
                continue
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.socket.setblocking(False)
            connection.input = b""
            self.selector.register(connection.socket, selectors.EVENT_READ, connection)
            self.idle.append(connection)

    def hang_up(self, connection):
        self.selector.unregister(connection.socket)
        connection.socket.close()
        connection.socket = None
        if connection in self.idle:
            self.idle.remove(connection)
        if connection.operation is not None:
            self.waiting.appendleft(connection.operation)
            connection.operation = None

    def fall_due(self, due):
        key = b"key:%012d" % self.random.randrange(self.keys)
        words = (b"SET", key, self.value) if self.random.random() < 0.5 else (b"GET", key)
        self.waiting.append(Operation(due, words))

    def send(self):
        while self.waiting and self.idle:
            connection, operation = self.idle.popleft(), self.waiting.popleft()
            connection.operation = operation
            operation.sends += 1
            try:
                connection.socket.send(operation.bytes)
            except OSError:
                self.hang_up(connection)

    def receive(self, connection):
        try:
            data = connection.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            return self.hang_up(connection)
        connection.input += data
        kind = reply_kind(connection.input)
        if kind is not None:
            operation, connection.operation, connection.input = connection.operation, None, b""
            self.samples.append(Sample(operation.due, time.monotonic(), kind, operation.sends > 1))
            self.idle.append(connection)
        return None

    def run(self, stopping):
        due = time.monotonic()
        end = None
        while True:
            now = time.monotonic()
            if end is None and stopping.is_set():
                end = now
            if end is not None:
                if not self.waiting and all(connection.operation is None for connection in self.connections):
                    break
                if now > end + DRAIN_SECONDS:
                    break
            while end is None and due <= now:
                self.fall_due(due)
                due += 1 / self.rate
            self.dial(now)
            self.send()
            pause = max(0.0, due - time.monotonic()) if end is None else 0.01
            for key, _ in self.selector.select(min(pause, 0.01)):
                self.receive(key.data)
        for operation in [*self.waiting, *(connection.operation for connection in self.connections)]:
            if operation is not None:
                self.samples.append(Sample(operation.due, time.monotonic(), "never", operation.sends > 1))
        return self.samples


def work(pipe, stopping, *arguments):
    pipe.send(Loop(*arguments).run(stopping))


class SteadyLoad:
    """with SteadyLoad(ports, ...) as load: ...; load.samples afterwards."""

    def __init__(self, ports, options, connections=32):
        self.stopping = multiprocessing.Event()
        self.pipe, theirs = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.Process(
            target=work, args=(theirs, self.stopping, ports, options.rate, options.keys, options.size, connections),
            daemon=True)
        self.samples = []

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, kind, *_):
        self.stopping.set()
        if kind is None:
            # In this order: it can't end before its samples are taken out of the pipe.
            self.samples = sorted(self.pipe.recv())
        self.process.join()


# ---- what samples say


def between(samples, first, last):
    return [sample for sample in samples if first <= sample.due < last]


def percentile(samples, share):
    times = sorted(sample.done - sample.due for sample in samples)
    return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


def longest_gap(samples, first, last):
    """The longest time within which no operation at all succeeded."""
    times = sorted(sample.done for sample in samples if sample.kind == "ok" and first <= sample.done <= last)
    return max((later - earlier for earlier, later in zip([first, *times], [*times, last])), default=0.0)


def back_under(samples, event, last, bound, window=0.25, in_a_row=3):
    """Seconds from the event to the first of so many windows in a row whose p99 is within the bound; None: never."""
    start, good = event, 0
    while start + window <= last:
        inside = between(samples, start, start + window)
        good = good + 1 if inside and percentile(inside, 0.99) <= bound else 0
        start += window
        if good == in_a_row:
            return max(0.0, start - good * window - event)
    return None
