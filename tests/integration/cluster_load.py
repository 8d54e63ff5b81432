"""Clients that write to a cluster, remember every acknowledgement, and check afterwards that all of it is there.

Each worker runs one command at a time on one connection, hops between nodes, and after a closed connection goes on
with another node. What it doesn't get an answer to is in doubt: both outcomes are right. It does

  unique    SET of a key that nobody else writes, some of them DELeted again
  counter   INCR of counters that all workers share
  register  its own key: GET, which must show its last acknowledged SET, then SET of the next number
  append    its own key: APPEND of the next token; all acknowledged ones stay, in order, once
  lock      SET NX of keys that all workers want: at most one may be told OK
"""
import collections
import random
import threading
import time

from cluster_harness import ErrorReply, Gone, Silent

COUNTERS = 16
ABSENT = None


class Worker(threading.Thread):
    def __init__(self, load, number, seed):
        super().__init__(daemon=True)
        self.load = load
        self.number = number
        self.random = random.Random(seed)
        self.client = None
        self.node = None
        self.sequence = 0
        self.unique = {}  # key -> set of right values (ABSENT for none)
        self.counted = collections.Counter()
        self.doubted = collections.Counter()
        self.register = {0}  # right values
        self.last_number = 0
        self.tokens = []  # (token, acknowledged)
        self.operations = 0
        self.errors = collections.Counter()
        self.failure = None

    # ---- connections

    def connect(self):
        while self.client is None and not self.load.stopping.is_set():
            nodes = [node for node in self.load.nodes_for(self) if node.alive]
            if not nodes:
                time.sleep(0.02)
                continue
            self.node = self.random.choice(nodes)
            try:
                self.client = self.node.client(timeout=self.load.patience)
            except Gone:
                time.sleep(0.02)

    def hang_up(self):
        if self.client is not None:
            self.client.close()
            self.client = None

    def ask(self, *command):
        """The reply, or an ErrorReply that is known not to have been applied; None, None: in doubt."""
        if self.client is None:
            self.connect()
            if self.client is None:
                return False, None
        node, began = self.node, time.monotonic()
        was_well = node.alive
        try:
            reply = self.client.call(*command)
            self.load.took(time.monotonic() - began)
            return True, reply
        except ErrorReply as error:
            self.errors[error.code] += 1
            self.load.on_error(self, node, command, error)
            # A client that's told no backs off a little and goes to another node: else all would end at the slowest.
            time.sleep(0.005)
            self.hang_up()
            return (False, None) if error.code == "INDOUBT" else (False, error)
        except Silent as error:
            self.hang_up()
            self.errors["silence"] += 1
            self.load.on_silence(self, node, command, was_well and node.alive, error)
        except Gone:
            self.hang_up()
            self.errors["closed"] += 1
        return False, None

    # ---- what it does

    def write_unique(self):
        self.sequence += 1
        key = b"u:%d:%d" % (self.number, self.sequence)
        value = b"%d-%d" % (self.sequence, self.random.randrange(1 << 30))
        right = self.unique.setdefault(key, {ABSENT})
        done, error = self.ask("SET", key, value)
        if done:
            right.clear()
        if done or error is None:
            right.add(value)
        if self.random.randrange(8) == 0 and done:
            done, reply = self.ask("DEL", key)
            if done and not (reply == 0 and self.load.stale_decisions):
                right.clear()
            if done or reply is None:
                right.add(ABSENT)

    def count(self):
        key = b"c:%d" % self.random.randrange(COUNTERS)
        done, error = self.ask("INCR", key)
        if done:
            self.counted[key] += 1
        elif error is None:
            self.doubted[key] += 1

    def read_modify_write(self):
        key = b"r:%d" % self.number
        done, value = self.ask("GET", key)
        if not done:
            return
        value = int(value or 0)
        if self.load.strict_reads and value not in self.register:
            self.load.fail(f"{key.decode()} read as {value} from {self.node.name}, right is {sorted(self.register)}")
        # Reads never go back; a write in doubt may still come.
        if self.load.strict_reads:
            self.register = {right for right in self.register if right >= value}
        self.last_number += 1
        done, error = self.ask("SET", key, self.last_number)
        if done:
            self.register = {self.last_number}
        elif error is None:
            self.register.add(self.last_number)

    def append(self):
        self.sequence += 1
        token = b"%d," % self.sequence
        done, error = self.ask("APPEND", b"a:%d" % self.number, token)
        if done or error is None:
            self.tokens.append((token, done, f"{time.monotonic() - self.load.began:.2f} s at {self.node.name}"))

    def lock(self):
        key = b"l:%d" % self.load.next_lock(self.random)
        done, reply = self.ask("SET", key, b"%d" % self.number, "NX")
        if done and reply == b"OK":
            self.load.granted(key, self)

    def run(self):
        steps = [getattr(self, name) for name in self.load.steps]
        try:
            while not self.load.stopping.is_set():
                if self.random.randrange(60) == 0:
                    self.hang_up()
                self.random.choice(steps)()
                self.operations += 1
                if self.load.pace:
                    time.sleep(self.load.pace)
        except Exception as error:  # told by the main thread
            self.failure = self.failure or error
        finally:
            self.hang_up()


class Load:
    """`nodes_for(worker)`: the nodes that it may talk to. `allowed`: codes of error replies that are all right."""

    def __init__(self, cluster, seed, workers=6, steps=("write_unique", "count", "read_modify_write", "append", "lock"),
                 allowed=("INDOUBT",), nodes_for=None, strict_reads=True, stale_decisions=False, patience=8.0, pace=0):
        self.cluster = cluster
        self.steps = steps
        self.allowed = set(allowed)
        self.nodes_for = nodes_for or (lambda worker: list(cluster.nodes))
        self.strict_reads = strict_reads
        # Who is cut off from a quorum decides by what it has: it may not find what it's told to delete, and says so.
        self.stale_decisions = stale_decisions
        self.patience = patience
        self.pace = pace
        self.stopping = threading.Event()
        self.mutex = threading.Lock()
        self.locks = collections.defaultdict(list)
        self.lock_number = 0
        self.problems = []
        self.refusals = collections.Counter()
        self.began = time.monotonic()
        self.slowest = 0.0
        generator = random.Random(seed)
        self.workers = [Worker(self, number, generator.random()) for number in range(workers)]

    def __enter__(self):
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, kind, *_):
        self.stopping.set()
        for worker in self.workers:
            worker.join(timeout=2 * self.patience + 5)
        if kind is None:
            self.report()

    def note(self, text):
        """What was done to the cluster, for whoever has to understand a failure."""
        print(f"    {time.monotonic() - self.began:.2f} s: {text}", flush=True)

    # ---- told by workers

    def fail(self, text):
        with self.mutex:
            self.problems.append(text)
        raise AssertionError(text)

    def on_error(self, worker, node, command, error):
        if error.code not in self.allowed:
            with self.mutex:
                self.problems.append(f"{time.monotonic() - self.began:.2f} s: {node.name} to {command}: {error}")
                self.refusals[str(error)] += 1

    def on_silence(self, worker, node, command, was_well, error):
        if was_well:
            with self.mutex:
                self.problems.append(f"{node.name} gave no answer to {command} within {self.patience} s")

    def took(self, seconds):
        if seconds > self.slowest:
            self.slowest = seconds

    def next_lock(self, generator):
        with self.mutex:
            if generator.randrange(3) == 0:
                self.lock_number += 1
            return self.lock_number

    def granted(self, key, worker):
        with self.mutex:
            when = f"{time.monotonic() - self.began:.3f} s"
            self.locks[key].append(f"worker {worker.number} at {worker.node.name}, {when}")

    # ---- afterwards

    @property
    def operations(self):
        return sum(worker.operations for worker in self.workers)

    def report(self):
        errors = collections.Counter()
        for worker in self.workers:
            errors.update(worker.errors)
            if worker.is_alive():
                self.problems.append(f"worker {worker.number} hangs")
            if worker.failure is not None:
                self.problems.append(f"worker {worker.number}: {worker.failure!r}")
        said = ", ".join(f"{count} {code}" for code, count in sorted(errors.items())) or "no errors"
        print(f"  {self.operations} operations, slowest {self.slowest:.2f} s; {said}", flush=True)

    def raise_problems(self):
        if self.problems:
            listed = "\n  ".join(self.problems[:12])
            kinds = "".join(f"\n  {count} times {text}" for text, count in self.refusals.items())
            raise AssertionError(f"{len(self.problems)} problems while it ran:{kinds}\n  {listed}")

    def expected(self):
        """{key: is this value right?} for all keys."""
        checks = {}
        for worker in self.workers:
            for key, right in worker.unique.items():
                checks[key] = (right, lambda value, right=right: value in right)
            right = worker.register
            checks[b"r:%d" % worker.number] = (right, lambda value, right=right: int(value or 0) in right)
            checks[b"a:%d" % worker.number] = (
                "its tokens", lambda value, worker=worker: tokens_are_right(value or b"", worker.tokens))
        for key in {key for worker in self.workers for key in (*worker.counted, *worker.doubted)}:
            least = sum(worker.counted[key] for worker in self.workers)
            most = least + sum(worker.doubted[key] for worker in self.workers)
            checks[key] = (f"{least} to {most}",
                           lambda value, least=least, most=most: least <= int(value or 0) <= most)
        return checks

    def why_tokens(self, key, value):
        if not key.startswith(b"a:"):
            return ""
        found = set((value or b"").split(b","))
        tokens = self.workers[int(key[2:])].tokens
        lost = [f"{token.decode()} ({when})" for token, done, when in tokens if done and token[:-1] not in found]
        return f"; lost: {' '.join(lost[:5])}"

    def verify(self, client, where):
        """Reads every key through this connection."""
        checks = self.expected()
        keys = sorted(checks)
        wrong = []
        for key, value in zip(keys, client.pipeline([("GET", key) for key in keys])):
            if isinstance(value, ErrorReply):
                wrong.append(f"{key.decode()}: {value}")
            elif not checks[key][1](value):
                wrong.append(f"{key.decode()} is {shorten(value)}, right is {shorten(checks[key][0])}"
                             + self.why_tokens(key, value))
        if wrong:
            raise AssertionError(f"{where}: {len(wrong)} of {len(keys)} keys are wrong:\n  " + "\n  ".join(wrong[:12]))
        return len(keys)

    def granted_twice(self):
        return [f"{key.decode()}: {'; '.join(owners)}" for key, owners in self.locks.items() if len(owners) > 1]


def shorten(value):
    text = repr(value)
    return text if len(text) < 120 else text[:50] + " ... " + text[-60:]


def tokens_are_right(value, tokens):
    """All acknowledged tokens in order, others perhaps, nothing else."""
    found = value.split(b",")
    if found.pop() != b"":
        return False
    at = 0
    for token, acknowledged, _ in tokens:
        if at < len(found) and found[at] == token[:-1]:
            at += 1
        elif acknowledged:
            return False
    return at == len(found)
