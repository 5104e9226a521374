"""What a program that uses docker-py does; prints one JSON object, what each scenario came to. Argument: the socket."""
import io
import json
import socket
import sys
import tarfile
import threading
import traceback

import docker

client = docker.DockerClient(base_url="unix://" + sys.argv[1], timeout=30)
scenarios = {}


def scenario(function):
    scenarios[function.__name__] = function
    return function


def sleeping(**settings):
    return client.containers.run("base", ["sleep", "600"], detach=True, **settings)


def whole(attached):
    """Ends the input and reads to the end. It is a socket in a wrapper that can only be read."""
    attached._sock.shutdown(socket.SHUT_WR)
    pieces = []
    while piece := attached._sock.recv(4096):
        pieces.append(piece)
    return b"".join(pieces)


@scenario
def run():
    return client.containers.run("base", ["echo", "o"], remove=True)


@scenario
def run_fails():
    try:
        client.containers.run("base", ["sh", "-c", "echo e >&2; exit 3"], remove=True)
    except docker.errors.ContainerError as error:
        return [error.exit_status, error.stderr]


@scenario
def missing():
    kinds = []
    for call in (lambda: client.containers.get("nosuch"), lambda: client.volumes.get("nosuch")):
        try:
            call()
        except docker.errors.NotFound as error:
            kinds.append(error.explanation)
    try:
        client.containers.create("nosuch:1")
    except docker.errors.ImageNotFound as error:
        kinds.append(error.explanation)
    return kinds


@scenario
def logs():
    container = client.containers.run("base", ["sh", "-c", "echo a; sleep 0.1; echo b"], detach=True)
    streamed = b"".join(container.logs(stream=True, follow=True))
    return [streamed, container.logs(tail=1), container.wait()]


@scenario
def attach():
    container = client.containers.create("base", ["sh", "-c", "echo o; sleep 0.1; echo e >&2"])
    output = container.attach(stream=True, logs=True, demux=True)
    container.start()
    return list(output)


@scenario
def attach_both_ways():
    container = client.containers.create("base", ["cat"], stdin_open=True)
    attached = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    attached._sock.sendall(b"in")
    return whole(attached)


@scenario
def execs():
    container = sleeping(environment={"A": "1"})
    command = ["sh", "-c", "echo $A $B; pwd; id -u"]
    attached = container.exec_run(["cat"], stdin=True, socket=True).output
    attached._sock.sendall(b"in")
    return [
        container.exec_run(command, environment={"B": "2"}, workdir="/tmp", user="1000"),
        container.exec_run("sh -c 'echo o; echo e >&2; exit 4'", demux=True),
        container.exec_run("echo tty", tty=True),
        container.exec_run(["sh", "-c", "exit 5"]).exit_code,
        whole(attached),
    ]


@scenario
def output_of_quick_execs():
    """docker-py drops what comes in one read with the head of the answer."""
    container = sleeping()
    kept = sum(container.exec_run(["echo", "quick"]).output == b"quick\n" for _ in range(50))
    told = sum(b"nosuch" in container.exec_run("nosuch").output for _ in range(20))
    return [kept, told]


@scenario
def archives():
    container = sleeping()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("x.txt")
        entry.size = 5
        archive.addfile(entry, io.BytesIO(b"hello"))
    container.put_archive("/tmp", packed.getvalue())
    chunks, status = container.get_archive("/tmp/x.txt")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        return [status["name"], status["size"], archive.extractfile("x.txt").read()]


@scenario
def networks():
    pool = docker.types.IPAMPool(subnet="10.123.45.0/24", gateway="10.123.45.1")
    network = client.networks.create("docker-py", ipam=docker.types.IPAMConfig(pool_configs=[pool]))
    endpoint = client.api.create_endpoint_config(aliases=["other"], ipv4_address="10.123.45.7")
    first = sleeping(network="docker-py", networking_config={"docker-py": endpoint})
    second = sleeping(network="docker-py")
    address = client.containers.get(first.id).attrs["NetworkSettings"]["Networks"]["docker-py"]["IPAddress"]
    code = second.exec_run(["ping", "-c1", "-W2", "other"]).exit_code
    network.disconnect(second)
    network.reload()
    connected = len(network.containers)
    first.remove(force=True)
    second.remove(force=True)
    network.remove()
    return [address, code, connected]


@scenario
def volumes():
    volume = client.volumes.create("docker-py", labels={"q": "1"})
    mount = {"docker-py": {"bind": "/v", "mode": "rw"}}
    client.containers.run("base", ["sh", "-c", "echo kept > /v/f"], remove=True, volumes=mount)
    output = client.containers.run("base", ["cat", "/v/f"], remove=True, volumes=mount)
    labels = volume.attrs["Labels"]
    volume.remove()
    return [output, labels]


@scenario
def events():
    actions = []
    stream = client.events(decode=True, filters={"type": "container"})

    def read():
        for event in stream:
            actions.append(event["Action"])
            if event["Action"] == "destroy":
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    client.containers.run("base", "true", remove=True)
    reader.join(10)
    return actions


@scenario
def life():
    container = sleeping(labels={"x": "y"}, ports={"80/tcp": ("127.0.0.1", None)})
    statuses = []
    for act in (container.pause, container.unpause, lambda: container.restart(timeout=0), container.kill):
        act()
        container.reload()
        statuses.append(container.status)
    container.wait()
    container.rename("docker-py-renamed")
    found = client.containers.list(all=True, filters={"label": "x=y"})
    return [statuses, [each.name for each in found]]


@scenario
def images():
    container = client.containers.run("base", ["sh", "-c", "echo hi > /new"], detach=True)
    container.wait()
    image = container.commit("docker-py", "v1", changes=['CMD ["cat", "/new"]'])
    output = client.containers.run("docker-py:v1", remove=True)
    saved = b"".join(image.save(named=True))
    client.images.remove("docker-py:v1")
    tags = client.images.load(saved)[0].tags
    client.images.remove("docker-py:v1")
    return [output, tags]


def plain(value):
    return value.decode(errors="replace") if isinstance(value, bytes) else repr(value)


results = {}
for name, function in scenarios.items():
    try:
        results[name] = function()
    except Exception:
        results[name] = "failed: " + traceback.format_exc()
    for each in client.containers.list(all=True):
        each.remove(force=True, v=True)
print(json.dumps(results, default=plain))
