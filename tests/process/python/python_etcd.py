"""What users of python-etcd do, against the server at the host and port given."""

import sys

import etcd


def raises(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error as raised:
        return raised
    raise AssertionError(f"{error.__name__} was not raised by {call} {args} {kwargs}")


host, port = sys.argv[1], int(sys.argv[2])
client = etcd.Client(host=host, port=port)

# Files.
written = client.write("/app/name", "one")
assert (written.action, written.key, written.value, written.newKey) == ("set", "/app/name", "one", True), written
read = client.read("/app/name")
assert (read.value, read.modifiedIndex) == ("one", written.modifiedIndex), read
assert read.etcd_index >= written.modifiedIndex, read
client.set("/app/name", "two")
assert client.get("/app/name").value == "two"
assert client.read("/app/name", quorum=True).value == "two"
text = "wört & = % +\n"
client.write("/app/odd näme", text)
assert client.read("/app/odd näme").value == text
assert client.delete("/app/odd näme").action == "delete"
raises(etcd.EtcdKeyNotFound, client.read, "/app/odd näme")
raises(etcd.EtcdNotDir, client.write, "/app/name/below", "x")

# Conditions.
raises(etcd.EtcdAlreadyExist, client.write, "/app/name", "three", prevExist=False)
created = client.write("/app/new", "1", prevExist=False)
assert (created.action, created.newKey) == ("create", True), created
updated = client.write("/app/new", "2", prevExist=True)
assert (updated.action, updated.createdIndex) == ("update", created.createdIndex), updated
assert updated._prev_node.value == "1", updated
raises(etcd.EtcdKeyNotFound, client.write, "/app/nothing", "x", prevExist=True)
assert client.write("/app/new", "3", prevValue="2").action == "compareAndSwap"
raises(etcd.EtcdCompareFailed, client.write, "/app/new", "4", prevValue="2")
result = client.read("/app/new")
result.value = "5"
assert client.update(result).value == "5"

# Directories.
assert client.write("/dir", None, dir=True).dir
raises(etcd.EtcdNotFile, client.write, "/dir", "x")
client.write("/dir/a", "1")
client.write("/dir/sub/b", "2")
listed = client.read("/dir", recursive=True, sorted=True)
assert [(leaf.key, leaf.value) for leaf in listed.leaves] == [("/dir/a", "1"), ("/dir/sub/b", "2")], listed
assert sorted(child.key for child in client.read("/dir").children) == ["/dir/a", "/dir/sub"]
queued = [client.write("/queue", job, append=True).key for job in ("x", "y")]
assert queued == sorted(queued), queued
assert [job.value for job in client.read("/queue", sorted=True).children] == ["x", "y"]
assert "/dir/a" in client and "/dir/z" not in client
raises(etcd.EtcdDirNotEmpty, client.delete, "/dir", dir=True)
assert client.delete("/dir", recursive=True).action == "delete"
raises(etcd.EtcdKeyNotFound, client.read, "/dir")
raises(etcd.EtcdRootReadOnly, client.write, "/", "x")

# The cluster.
urls = {url for member in client.members.values() for url in member["clientURLs"]}
assert f"http://{host}:{port}" in urls, urls
assert set(client.machines) == urls, (client.machines, urls)
assert client.version.startswith("3."), client.version

# A client that knows all members and may go to any.
addresses = tuple((url.split("/")[2].split(":")[0], int(url.rsplit(":", 1)[1])) for url in sorted(urls))
roaming = etcd.Client(host=addresses, allow_reconnect=True)
roaming.write("/roaming", "1")
assert client.read("/roaming", quorum=True).value == "1"
