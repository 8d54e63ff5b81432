"""The server as a process: start, refusals, limits, signals, shutdown, restart.

    server_test.py path/to/torc-server [test names ...]
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from ending_test_case import EndingTestCase

SERVER = None
SLOW = 1  # sanitizer builds get more time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(condition, seconds=20, what="condition"):
    """Polls for something that another process brings about."""
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"timed out: {what}")


class Connection:
    """A RESP2 client of a few lines."""

    def __init__(self, address):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket()
            address = ("127.0.0.1", address) if isinstance(address, int) else address
        self.socket.settimeout(30 * SLOW)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
        self.socket.sendall(b"".join(parts))

    def reply(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind in b"+-":
            return line[:-2].decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self.file.read(size + 2)[:-2].decode()
        if kind == b"*":
            return None if int(rest) < 0 else [self.reply() for _ in range(int(rest))]
        raise AssertionError(f"unexpected reply {line!r}")

    def __call__(self, *words):
        self.send(*words)
        return self.reply()


class ServerTest(EndingTestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="torc-server-test-")
        self.data = os.path.join(self.directory, "data")
        self.log = os.path.join(self.directory, "log")
        self.errors = os.path.join(self.directory, "errors")
        self.processes = []

    def tearDown(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    def ended(self, failed):
        """What the servers of a test that failed have said is printed."""
        if failed:
            for path in (self.log, self.errors):
                if os.path.exists(path):
                    with open(path, errors="replace") as said:
                        print(f"--- {self.id()}: the server's {os.path.basename(path)}\n{said.read()}", file=sys.stderr)
        shutil.rmtree(self.directory, ignore_errors=True)

    def spawn(self, *arguments, stderr=subprocess.PIPE, **options):
        process = subprocess.Popen([SERVER, *arguments], stdout=subprocess.PIPE, stderr=stderr, text=True, **options)
        self.processes.append(process)
        self.addCleanup(process.stdout.close)
        if process.stderr is not None:
            self.addCleanup(process.stderr.close)
        return process

    def start(self, *arguments, wait=True):
        self.port = free_port()
        with open(self.errors, "a") as errors:
            process = self.spawn("--port", str(self.port), "--dir", self.data, "--logfile", self.log, *arguments,
                                 stderr=errors)
        if wait:
            until(lambda: process.poll() is not None or self.answers(), 60, "the server answers")
            self.assertIsNone(process.poll(), "the server ended at once")
        return process

    def answers(self):
        try:
            with Connection(self.port) as connection:
                return connection("PING") in ("+PONG", "-NOAUTH Authentication required.")
        except OSError:
            return False

    def connect(self):
        connection = Connection(self.port)
        self.addCleanup(connection.close)
        return connection

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30 * SLOW), 0)

    def log_text(self):
        with open(self.log) as log:
            return log.read()

    def refusal(self, *arguments):
        """What a server that doesn't start says."""
        process = self.spawn(*arguments)
        out, err = process.communicate(timeout=30 * SLOW)
        self.assertEqual(process.returncode, 1, out + err)
        return err

    # ---- starting

    def test_version_and_help(self):
        for flag, expected in (("--version", "Torc server v="), ("-v", "Torc server v="), ("--help", "Usage:")):
            process = self.spawn(flag)
            out, _ = process.communicate(timeout=30 * SLOW)
            self.assertEqual(process.returncode, 0)
            self.assertIn(expected, out)

    def test_the_log_tells_version_port_directory_and_readiness(self):
        self.start()
        until(lambda: "Ready to accept connections" in self.log_text())
        text = self.log_text()
        self.assertRegex(text, r"^\d+:M \d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3} \* Torc \d+\.\d+\.\d+ starting")
        self.assertIn(f"port {self.port}", text)
        self.assertIn(self.data, text)

    def test_a_bad_directive_is_named_with_file_line_and_remedy(self):
        path = os.path.join(self.directory, "torc.conf")
        with open(path, "w") as conf:
            conf.write("# fine\nport 7000\nmaxmemry 100mb\n")
        error = self.refusal(path)
        self.assertIn(path, error)
        self.assertRegex(error, r"\b3\b")
        self.assertIn("maxmemry", error)
        self.assertIn("maxmemory", error.replace("maxmemry", ""))

    def test_a_configuration_on_standard_input(self):
        port = free_port()
        text = f"port {port}\ndir {self.data}\nlogfile {self.log}\nhz 21\nmaxclients 1000\n"
        process = subprocess.Popen([SERVER, "--hz", "22", "--tls-port", "0", "-"], stdin=subprocess.PIPE)
        self.processes.append(process)
        process.stdin.write(text.encode())
        process.stdin.close()
        self.port = port
        until(self.answers, what="an answer")
        with self.connect() as c:
            self.assertEqual(c("CONFIG", "GET", "hz"), ["hz", "22"])
            self.assertEqual(c("CONFIG", "GET", "maxclients"), ["maxclients", "1000"])
            self.assertEqual(c("CONFIG", "GET", "tls-port"), ["tls-port", "0"])

    def test_a_bad_value_on_the_command_line_is_named(self):
        self.assertIn("lots", self.refusal("--maxclients", "lots"))

    def test_a_taken_port_is_an_error(self):
        self.start()
        other = os.path.join(self.directory, "other")
        error = self.refusal("--port", str(self.port), "--dir", other, "--bind", "127.0.0.1")
        self.assertIn(str(self.port), error)

    def test_a_second_server_on_the_directory_is_refused(self):
        self.start()
        error = self.refusal("--port", str(free_port()), "--dir", self.data)
        self.assertIn(self.data, error)
        self.assertTrue(self.answers())

    def test_port_0_and_no_socket_is_an_error(self):
        self.assertIn("unixsocket", self.refusal("--port", "0", "--dir", self.data))

    def test_the_pid_file_comes_and_goes(self):
        path = os.path.join(self.directory, "torc.pid")
        process = self.start("--pidfile", path)
        with open(path) as file:
            self.assertEqual(int(file.read()), process.pid)
        self.stop(process)
        self.assertFalse(os.path.exists(path))

    # ---- ending

    def test_sigterm_ends_within_a_second_and_keeps_the_data(self):
        process = self.start()
        with self.connect() as c:
            for i in range(1000):
                c.send("SET", f"key:{i}", i)
            for i in range(1000):
                self.assertEqual(c.reply(), "+OK")
        begin = time.monotonic()
        self.stop(process)
        self.assertLess(time.monotonic() - begin, 1 if SLOW == 1 else 20)
        self.assertIn("SIGTERM received", self.log_text())
        for threads in (1, 3):
            process = self.start("--io-threads", str(threads))
            with self.connect() as c:
                self.wait_until_loaded(c)
                self.assertEqual(c("DBSIZE"), 1000)
                self.assertEqual(c("GET", "key:999"), "999")
                self.assertEqual(c("SET", "key:999", "999"), "+OK")
            self.stop(process)

    def wait_until_loaded(self, connection):
        until(lambda: connection("GET", "nothing") is None, 60, "loaded")

    def test_shutdown_ends_the_process(self):
        process = self.start()
        c = self.connect()
        self.assertEqual(c("SET", "a", "b"), "+OK")
        c.send("SHUTDOWN")
        with self.assertRaises((ConnectionError, OSError)):
            c.reply()
        self.assertEqual(process.wait(30 * SLOW), 0)
        self.start()
        with self.connect() as c:
            self.wait_until_loaded(c)
            self.assertEqual(c("GET", "a"), "b")

    def test_kill_loses_nothing_acknowledged(self):
        process = self.start()
        with self.connect() as c:
            for i in range(500):
                self.assertEqual(c("SET", f"k{i}", i), "+OK")
        process.kill()
        process.wait()
        self.start()
        with self.connect() as c:
            self.wait_until_loaded(c)
            self.assertEqual(c("DBSIZE"), 500)

    def test_sighup_reopens_the_log(self):
        process = self.start()
        os.rename(self.log, self.log + ".1")
        process.send_signal(signal.SIGHUP)
        until(lambda: os.path.exists(self.log), what="a new log file")
        self.assertTrue(self.answers())
        self.stop(process)
        self.assertIn("SIGTERM received", self.log_text())

    # ---- connections

    def test_maxclients(self):
        self.start("--maxclients", "3", "--io-threads", "2")
        # The probe that saw the server answer may still be on its way out.
        first = self.connect()
        until(lambda: "connected_clients:1\r\n" in first("INFO", "clients"))
        rest = [self.connect() for _ in range(2)]
        for connection in rest:
            self.assertEqual(connection("PING"), "+PONG")
        with Connection(self.port) as refused:
            self.assertEqual(refused.reply(), "-ERR max number of clients reached")
            with self.assertRaises(ConnectionError):
                refused.reply()
        self.assertIn("rejected_connections:1\r\n", first("INFO", "stats"))
        rest[0].close()
        until(lambda: self.answers(), what="room again")

    def test_protected_mode_lets_only_local_clients_in(self):
        addresses = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
        address = next((a for a in addresses if ":" not in a and not a.startswith("127.")), None)
        self.start("--bind", "*")
        with self.connect() as c:
            self.assertEqual(c("PING"), "+PONG")
        if address is None:
            return  # a machine with no other address has no remote clients
        with Connection((address, self.port)) as remote:
            self.assertTrue(remote.reply().startswith("-DENIED "))
        with self.connect() as c:
            self.assertEqual(c("CONFIG", "SET", "protected-mode", "no"), "+OK")
        with Connection((address, self.port)) as remote:
            self.assertEqual(remote("PING"), "+PONG")

    def test_the_unix_socket(self):
        path = os.path.join(self.directory, "torc.sock")
        process = self.start("--unixsocket", path, "--unixsocketperm", "700")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o700)
        with Connection(path) as c:
            self.assertEqual(c("SET", "a", "1"), "+OK")
            self.assertIn(f"addr={path}:0", c("CLIENT", "INFO"))
        with self.connect() as c:
            self.assertEqual(c("GET", "a"), "1")
        self.stop(process)
        self.assertFalse(os.path.exists(path))

    def test_idle_clients_are_closed(self):
        self.start("--timeout", "1")
        c = self.connect()
        self.assertEqual(c("PING"), "+PONG")
        begin = time.monotonic()
        self.assertEqual(c.file.read(), b"")
        self.assertGreater(time.monotonic() - begin, 0.5)

    def test_a_client_that_never_reads_is_closed_at_the_hard_limit(self):
        self.start("--client-output-buffer-limit", "normal", "8mb", "0", "0")
        with self.connect() as other:
            self.assertEqual(other("SET", "big", "x" * 1_000_000), "+OK")
            lazy = socket.create_connection(("127.0.0.1", self.port))
            self.addCleanup(lazy.close)
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.settimeout(30 * SLOW)
            lazy.sendall(b"*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n" * 40)
            until(lambda: "connected_clients:1\r\n" in other("INFO", "clients"), what="the lazy client is closed")
            self.assertEqual(other("PING"), "+PONG")
        # The process log is written by a thread of its own.
        until(lambda: "client-output-buffer-limit" in self.log_text(), what="the reason is logged")

    def test_a_peer_that_hangs_up_mid_reply_harms_nobody(self):
        self.start()
        with self.connect() as other:
            self.assertEqual(other("SET", "big", "x" * 1_000_000), "+OK")
            for _ in range(20):
                with socket.create_connection(("127.0.0.1", self.port)) as rude:
                    rude.sendall(b"*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n" * 10)
            until(lambda: "connected_clients:1\r\n" in other("INFO", "clients"), what="all are gone")
            self.assertEqual(other("PING"), "+PONG")

    def test_half_closed_input_still_gets_its_replies(self):
        self.start()
        with socket.create_connection(("127.0.0.1", self.port)) as s:
            s.settimeout(30 * SLOW)
            s.sendall(b"SET a 1\r\nINCR a\r\nGET a\r\n")
            s.shutdown(socket.SHUT_WR)
            received = b""
            while chunk := s.recv(1000):
                received += chunk
        self.assertEqual(received, b"+OK\r\n:2\r\n$1\r\n2\r\n")

    # ---- loading

    def test_loading_is_told(self):
        process = self.start()
        value = "v" * 20
        with self.connect() as c:
            batch = 2000
            for base in range(0, 200_000, batch):
                words = ["MSET"]
                for i in range(base, base + batch):
                    words += [f"key:{i}", value]
                self.assertEqual(c(*words), "+OK")
        process.kill()
        process.wait()
        process = self.start(wait=False)
        until(lambda: os.path.exists(self.log) and self.port_open(), 30, "the port is open")
        self.stop(process)  # in the middle of loading, mostly
        self.start(wait=False)
        until(self.port_open, 30, "the port is open")
        seen_loading = False
        with self.connect() as c:
            while True:
                answer = c("GET", "key:1")
                if answer == value:
                    break
                self.assertTrue(answer.startswith("-LOADING "), answer)
                seen_loading = True
                self.assertRegex(c("INFO", "persistence"), r"loading:[01]")
            self.assertEqual(c("DBSIZE"), 200_000)
            self.assertIn("loading:0", c("INFO", "persistence"))
        # A fast machine may be done before the first question, so seeing it isn't demanded; answering wrongly
        # while loading is what fails above.
        print(f"loading was {'seen' if seen_loading else 'over at once'}", file=sys.stderr)

    def test_a_write_in_the_first_moment_survives_sigterm(self):
        for i in range(10):
            process = self.start()
            with self.connect() as c:
                until(lambda: c("SET", f"key:{i}", "x") == "+OK", what="a write is taken")
                self.stop(process)
        self.start()
        with self.connect() as c:
            until(lambda: c("DBSIZE") == 10, what="all keys are there")

    def port_open(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    # ---- changing directives

    def test_maxclients_beyond_the_system_is_refused(self):
        self.start()
        with self.connect() as c:
            before = c("CONFIG", "GET", "maxclients")
            with open("/proc/sys/fs/nr_open") as limit:
                too_many = int(limit.read()) + 1
            answer = c("CONFIG", "SET", "maxclients", too_many)
            self.assertTrue(answer.startswith("-ERR"), answer)
            self.assertEqual(c("CONFIG", "GET", "maxclients"), before)

    def test_the_log_level_can_be_changed(self):
        self.start()
        with self.connect() as c:
            self.assertEqual(c("CONFIG", "SET", "loglevel", "nothing"), "+OK")
            self.assertEqual(c("CONFIG", "GET", "loglevel"), ["loglevel", "nothing"])


if __name__ == "__main__":
    SERVER = os.path.abspath(sys.argv[1])
    if re.search(r"/(asan|tsan|dev)/", SERVER):
        SLOW = 4
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
