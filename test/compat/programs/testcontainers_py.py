"""What a test suite with testcontainers for Python does; prints one JSON object, what each scenario came to."""
import io
import json
import os
import tarfile
import urllib.request

from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

SERVE = ["sh", "-c", "mkdir /www; echo soup > /www/menu; echo ready; trap 'exit 0' TERM; httpd -f -p 80 -h /www & wait"]
scenarios = {}


def scenario(function):
    scenarios[function.__name__] = function
    return function


def serving():
    return DockerContainer("base").with_command(SERVE).with_exposed_ports(80).waiting_for(LogMessageWaitStrategy("ready"))


@scenario
def port():
    with serving() as served:
        address = f"http://{served.get_container_host_ip()}:{served.get_exposed_port(80)}/menu"
        for _ in range(200):
            try:
                return urllib.request.urlopen(address).read().decode()
            except OSError:
                continue


@scenario
def exec():
    with serving().with_env("COURSE", "soup") as served:
        code, output = served.exec(["sh", "-c", "echo $COURSE; exit 3"])
        return [code, output.decode()]


@scenario
def files():
    with serving() as served:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            member = tarfile.TarInfo("second")
            member.size = 6
            archive.addfile(member, io.BytesIO(b"second"))
        served.get_wrapped_container().put_archive("/tmp", packed.getvalue())
        return served.exec(["cat", "/tmp/second"]).output.decode()


@scenario
def logs():
    with serving() as served:
        return [each.decode() for each in served.get_logs()]


@scenario
def networks():
    with Network() as network:
        with serving().with_network(network).with_network_aliases("kitchen"):
            with DockerContainer("base").with_network(network).with_command(["sleep", "600"]) as asking:
                return asking.exec(["wget", "-q", "-O", "-", "http://kitchen/menu"]).output.decode()


@scenario
def left():
    # What is not taken away here is left to the reaper.
    serving().with_kwargs(labels={"left": "python"}).start()
    return True


results = {}
for name, run in scenarios.items():
    try:
        results[name] = run()
    except Exception as failure:
        results[name] = f"failed: {type(failure).__name__}: {failure}"
print(json.dumps(results), flush=True)
# As a suite that crashes: at its ordinary end this client takes the reaper away, and with it what would remove the rest.
os._exit(0)
