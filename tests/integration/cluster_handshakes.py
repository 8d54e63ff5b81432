"""What cluster clients that aren't installed here say first, and what they read of the replies.

Written after their sources: jedis 5 (ClusterTopology by CLUSTER SLOTS), lettuce 6 (CLUSTER NODES and INFO of each
node), go-redis 9 (CLUSTER SLOTS, SHARDS, LINKS), redis-rs (CLUSTER SLOTS), StackExchange.Redis (INFO, CONFIG GET,
CLUSTER NODES). A reply that such a client would stumble over fails; so does an error that it doesn't expect.
"""
import re

from cluster_harness import ErrorReply

SLOTS = 16384


def fields(reply):
    """A map, however the protocol has it."""
    return reply if isinstance(reply, dict) else {reply[i].decode(): reply[i + 1] for i in range(0, len(reply), 2)}


def covered(ranges):
    """Each slot once."""
    slots = sorted(slot for first, last in ranges for slot in range(first, last + 1))
    assert slots == list(range(SLOTS)), f"{len(slots)} slots, {len(set(slots))} of them different"


def read_slots(reply, ports):
    covered([(first, last) for first, last, *_ in reply])
    for _, _, *nodes in reply:
        assert nodes, "a range without nodes"
        for host, port, name, metadata in nodes:
            assert host == b"127.0.0.1" and port in ports and re.fullmatch(rb"[0-9a-f]{40}", name)
            assert fields(metadata) == {}


def read_shards(reply, ports):
    ranges = []
    for shard in map(fields, reply):
        assert set(shard) == {"slots", "nodes"}
        slots = shard["slots"]
        ranges += zip(slots[::2], slots[1::2])
        nodes = [fields(node) for node in shard["nodes"]]
        assert [node["role"] for node in nodes].count(b"master") == 1
        for node in nodes:
            assert set(node) == {"id", "port", "ip", "endpoint", "role", "replication-offset", "health"}
            assert node["port"] in ports and node["ip"] == node["endpoint"] == b"127.0.0.1"
            assert node["role"] in (b"master", b"replica") and node["health"] in (b"online", b"fail", b"loading")
    covered(ranges)


LINE = re.compile(r"(?P<id>[0-9a-f]{40}) (?P<host>[^:]+):(?P<port>\d+)@(?P<bus>\d+)(,(?P<hostname>\S*))? "
                  r"(?P<flags>\S+) (?P<master>-|[0-9a-f]{40}) (?P<ping>\d+) (?P<pong>\d+) (?P<epoch>\d+) "
                  r"(?P<link>connected|disconnected)(?P<slots>( \d+(-\d+)?)*)")


def read_nodes(reply, node, ports):
    text = reply.decode()
    assert text.endswith("\n")
    lines = [LINE.fullmatch(line) for line in text.splitlines()]
    assert all(lines), f"not as redis.io has it:\n{text}"
    assert {int(line["port"]) for line in lines} == ports
    mine = [line for line in lines if "myself" in line["flags"].split(",")]
    assert [int(line["port"]) for line in mine] == [node.port]
    ranges = []
    for line in lines:
        assert set(line["flags"].split(",")) <= {"myself", "master", "slave", "fail?", "fail", "noaddr", "nofailover"}
        for slots in line["slots"].split():
            first, _, last = slots.partition("-")
            ranges.append((int(first), int(last or first)))
    covered(ranges)


def info(reply):
    return dict(line.split(":", 1) for line in reply.decode().split("\r\n") if ":" in line)


def jedis(client, node, ports):
    client.call("HELLO", 3)
    assert client.call("CLIENT", "SETNAME", "app") == b"OK"
    assert client.pipeline([("CLIENT", "SETINFO", "lib-name", "jedis"), ("CLIENT", "SETINFO", "lib-ver", "5.2.0")]) == [
        b"OK", b"OK"]
    read_slots(client.call("CLUSTER", "SLOTS"), ports)
    assert client.call("READONLY") == b"OK" and client.call("READWRITE") == b"OK"


def lettuce(client, node, ports):
    hello = client.call("HELLO", 3, "SETNAME", "lettuce")
    assert hello["proto"] == 3 and hello["mode"] == b"cluster" and hello["version"] == b"7.2.4"
    for name, value in (("lib-name", "Lettuce"), ("lib-ver", "6.4.0.RELEASE/abc")):
        assert client.call("CLIENT", "SETINFO", name, value) == b"OK"
    assert client.call("PING") == b"PONG"
    said = info(client.call("INFO"))
    assert int(said["connected_clients"]) > 0 and int(said["master_repl_offset"]) >= 0
    read_nodes(client.call("CLUSTER", "NODES"), node, ports)
    assert client.call("CLUSTER", "MYID").decode() == node.id()
    assert info(client.call("CLUSTER", "INFO"))["cluster_state"] == "ok"
    assert client.call("COMMAND", "COUNT") > 0


def go_redis(client, node, ports):
    client.call("HELLO", 3)
    assert client.pipeline([("CLIENT", "SETINFO", "LIB-NAME", "go-redis(,go1.22)"),
                            ("CLIENT", "SETINFO", "LIB-VER", "9.7.0")]) == [b"OK", b"OK"]
    read_slots(client.call("CLUSTER", "SLOTS"), ports)
    read_shards(client.call("CLUSTER", "SHARDS"), ports)
    for link in map(fields, client.call("CLUSTER", "LINKS")):
        assert set(link) == {"direction", "node", "create-time", "events", "send-buffer-allocated", "send-buffer-used"}
        assert link["direction"] in (b"to", b"from") and link["create-time"] > 0
    for command in client.call("COMMAND"):
        name, arity, flags, first, last, step, categories = command[:7]
        assert name and arity and isinstance(flags, list) and isinstance(categories, list)
        assert isinstance(first, int) and isinstance(last, int) and isinstance(step, int)
    # Pipelines and transactions of one slot.
    assert client.pipeline([("SET", "{go}a", 1), ("INCR", "{go}a"), ("GET", "{go}a")]) == [b"OK", 2, b"2"]
    assert client.pipeline([("MULTI",), ("INCR", "{go}a"), ("DEL", "{go}a"), ("EXEC",)]) == [
        b"OK", b"QUEUED", b"QUEUED", [3, 1]]


def redis_rs(client, node, ports):
    assert client.call("CLIENT", "SETINFO", "LIB-NAME", "redis-rs") == b"OK"
    assert client.call("READONLY") == b"OK"
    assert client.call("PING") == b"PONG"
    read_slots(client.call("CLUSTER", "SLOTS"), ports)
    read_shards(client.call("CLUSTER", "SHARDS"), ports)
    assert client.call("READWRITE") == b"OK" and client.call("ASKING") == b"OK"


def stack_exchange(client, node, ports):
    assert client.call("CLIENT", "SETNAME", "SE.Redis") == b"OK"
    assert client.call("CLIENT", "SETINFO", "lib-name", "SE.Redis") == b"OK"
    assert client.call("CLIENT", "ID") > 0
    for parameter in ("timeout", "slave-read-only", "replica-read-only", "databases"):
        name, value = client.call("CONFIG", "GET", parameter)
        assert name.decode() == parameter and value
    replication = info(client.call("INFO", "replication"))
    assert replication["role"] == "master" and int(replication["connected_slaves"]) == len(ports) - 1
    assert info(client.call("INFO", "server"))["redis_mode"] == "cluster"
    read_nodes(client.call("CLUSTER", "NODES"), node, ports)
    assert client.call("GET", "__Booksleeve_TieBreak") is None
    assert client.call("ECHO", b"\0\xff") == b"\0\xff"
    # Without pub/sub: it's told, goes on, and does without messages of configuration changes.
    try:
        client.call("SUBSCRIBE", "__Booksleeve_MasterChanged")
        raise AssertionError("SUBSCRIBE went through")
    except ErrorReply as error:
        assert error.code == "ERR", error


def errors(client, node, ports):
    """By these texts clients know what to do."""
    for words, text in (
            (("RENAME", "a", "b"), "CROSSSLOT Keys in request don't hash to the same slot"),
            (("SELECT", 1), "ERR SELECT is not allowed in cluster mode"),
            (("CLUSTER", "nosuch"), "ERR unknown subcommand 'nosuch'. Try CLUSTER HELP."),
            (("CLUSTER", "KEYSLOT"), "ERR wrong number of arguments for 'cluster|keyslot' command"),
            (("CLUSTER", "REPLICAS", "nobody"), "ERR Unknown node nobody"),
            (("CLUSTER", "SETSLOT", 16384, "STABLE"), "ERR Invalid or out of range slot"),
            (("CLUSTER", "COUNTKEYSINSLOT", 16384), "ERR Invalid slot")):
        try:
            client.call(*words)
            raise AssertionError(f"{words} went through")
        except ErrorReply as error:
            assert str(error) == text, error


CLIENTS = (jedis, lettuce, go_redis, redis_rs, stack_exchange, errors)


def check_all(node, nodes):
    ports = {each.port for each in nodes}
    for check in CLIENTS:
        with node.client() as client:
            check(client, node, ports)
