"""What users of etcd3gw do, against the server at the host and port given."""

import sys

import etcd3gw

client = etcd3gw.client(host=sys.argv[1], port=int(sys.argv[2]))
assert client.api_path == "/v3/", client.api_path

# One key.
assert client.get("foo") == []
assert client.put("foo", "bar") is True
assert client.get("foo") == [b"bar"]
[(value, first)] = client.get("foo", metadata=True)
assert (value, first["key"], first["version"]) == (b"bar", b"foo", "1"), first
client.put("foo", "baz")
[(value, second)] = client.get("foo", metadata=True)
assert (value, second["version"]) == (b"baz", "2"), second
assert second["create_revision"] == first["create_revision"], (first, second)
assert int(second["mod_revision"]) > int(first["mod_revision"]), (first, second)
assert client.delete("foo") is True
assert client.delete("foo") is False
assert client.get("foo") == []

# Any bytes.
key, value = bytes(range(256)), bytes(reversed(range(256)))
client.put(key, value)
assert client.get(key) == [value]
client.put("empty", "")
assert client.get("empty") == [b""]

# Prefixes.
for number in range(10):
    client.put(f"list/{number}", str(number))
client.put("lisu", "beyond")
found = client.get_prefix("list/")
assert [(row["key"], value) for value, row in found] == [
    (f"list/{number}".encode(), str(number).encode()) for number in range(10)
], found
found = client.get_prefix("list/", sort_order="descend", sort_target="key")
assert [value for value, _ in found] == [str(number).encode() for number in reversed(range(10))], found
assert len(client.get_all()) == 13, client.get_all()
assert client.delete_prefix("list/") is True
assert client.get_prefix("list/") == []
assert client.get("lisu") == [b"beyond"]

# The cluster.
status = client.status()
assert status["version"].startswith("3."), status
assert int(status["leader"]) in {int(member["ID"]) for member in client.members()}, status
assert all(member["clientURLs"] and member["name"] for member in client.members()), client.members()
