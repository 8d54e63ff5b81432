"""A network of its own for a cluster: each node in a network namespace, joined by a bridge, with faults by nftables.

The test's process moves into a namespace of its own first, where the bridge is and whence clients reach all nodes
whatever is cut between these. Nothing is left behind: namespaces end with the processes in them. It needs root and
`unshare`, `nsenter`, `ip` and `nft`; where one is missing the test fails.
"""
import ctypes
import os
import subprocess

from cluster_harness import die_with_parent

CLONE_NEWNET = 0x40000000
HUB = "10.77.0.254"


def run(*command, stdin=None):
    done = subprocess.run(command, input=stdin, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}: {done.stdout.strip()}")
    return done.stdout


class Place:
    """One node's namespace, kept by a process that sleeps in it."""

    def __init__(self, network, number):
        self.host = f"10.77.0.{number}"
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"], preexec_fn=die_with_parent)
        network.wait_for_namespace(self.holder)
        self.prefix = ["nsenter", "-t", str(self.holder.pid), "-n"]
        run("ip", "link", "add", f"port{number}", "type", "veth", "peer", "name", "eth0", "netns",
            str(self.holder.pid))
        run("ip", "link", "set", f"port{number}", "master", "hub", "up")
        self.inside("ip", "addr", "add", f"{self.host}/24", "dev", "eth0")
        self.inside("ip", "link", "set", "eth0", "up")
        self.inside("ip", "link", "set", "lo", "up")

    def inside(self, *command, stdin=None):
        return run(*self.prefix, *command, stdin=stdin)

    def rule(self, others, verdict):
        """What comes from these places meets this verdict."""
        hosts = ", ".join(place.host for place in others)
        self.inside("nft", "-f", "-", stdin=(
            "table inet cut {}\nflush table inet cut\n"
            "table inet cut {\nchain input {\ntype filter hook input priority 0; policy accept;\n"
            f"ip saddr {{ {hosts} }} {verdict}\n}}\n}}\n"))

    def clear(self):
        self.inside("nft", "-f", "-", stdin="table inet cut {}\ndelete table inet cut\n")

    def close(self):
        self.holder.kill()
        self.holder.wait()


class Network:
    def __init__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        if libc.unshare(CLONE_NEWNET) != 0:
            raise AssertionError(f"no network namespace to be had: {os.strerror(ctypes.get_errno())}")
        self.libc = libc
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "hub", "type", "bridge")
        run("ip", "addr", "add", f"{HUB}/24", "dev", "hub")
        run("ip", "link", "set", "hub", "up")
        self.places = []

    @staticmethod
    def wait_for_namespace(holder):
        mine = os.readlink("/proc/self/ns/net")
        while holder.poll() is None:
            # Until it has executed `sleep` it may still be on its way into the namespace.
            with open(f"/proc/{holder.pid}/comm") as comm:
                if comm.read().strip() == "sleep" and os.readlink(f"/proc/{holder.pid}/ns/net") != mine:
                    return
        raise AssertionError("unshare -n doesn't work here")

    def place(self):
        self.places.append(Place(self, len(self.places) + 1))
        return self.places[-1]

    # ---- faults; each replaces the one before

    def heal(self):
        for place in self.places:
            place.clear()

    def cut(self, side):
        """Nothing passes between these places and all others."""
        rest = [place for place in self.places if place not in side]
        for one, other in ((side, rest), (rest, side)):
            for place in one:
                place.rule(other, "drop")

    def cut_one_way(self, source, targets):
        """What `source` sends doesn't reach the targets; the other way all is well."""
        for place in targets:
            place.rule([source], "drop")

    def lose(self, percent):
        for place in self.places:
            others = [other for other in self.places if other is not place]
            place.rule(others, f"numgen random mod 100 < {percent} drop")

    def close(self):
        for place in self.places:
            place.close()
        # The bridge's namespace goes with its last process, which is this one: back home.
        self.libc.setns(self.home, CLONE_NEWNET)
        os.close(self.home)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
