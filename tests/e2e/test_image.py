"""What is in the image, and the binary where there is nothing else."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from docker_world import IMAGE, Account, Network, docker
from github import COMMIT, TEMPLATE

NONROOT = f"{IMAGE}-nonroot"


def test_what_it_says_of_itself() -> None:
    (image,) = json.loads(docker("image", "inspect", IMAGE).ok().stdout)
    config = image["Config"]
    assert config["Entrypoint"] == ["/usr/local/bin/faultgate"]
    assert config["User"] in ("", "0")
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert labels["title"] == "faultgate" and labels["licenses"] == "Apache-2.0"
    assert {"description", "source", "documentation", "version", "revision", "created"} <= set(labels)


def test_it_has_what_the_platforms_ask_for() -> None:
    there = "command -v sh grep cat ls mkdir rm sleep kill; test -s /etc/ssl/certs/ca-certificates.crt && id -u"
    assert docker("run", "--rm", IMAGE, "sh", "-c", there).ok().stdout.endswith("\n0\n")
    assert docker("run", "--rm", IMAGE, "--version").ok().stdout.startswith("faultgate ")


# What Kubernetes' restricted Pod Security Standard asks for, and a root that cannot be written to.
RESTRICTED = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"]


def test_the_image_for_clusters_that_forbid_root_says_so_by_number() -> None:
    (image,) = json.loads(docker("image", "inspect", NONROOT).ok().stdout)
    # Kubernetes' runAsNonRoot takes no name for it.
    assert image["Config"]["User"] == "65532"
    assert image["Config"]["Entrypoint"] == ["/usr/local/bin/faultgate"]


# OpenShift invents a user for each namespace, in the group of root.
@pytest.mark.parametrize("user", [[], ["--user", "1000680000:0"]], ids=["its own user", "an invented user"])
def test_a_gate_without_root(user: list[str], network: Network, account: Callable[..., Account]) -> None:
    shop = account()
    settings = shop.variables() | shop.keys() | {"FAULTGATE_EXPERIMENT_TEMPLATE_ID": TEMPLATE}
    args = [part for name, value in settings.items() for part in ("--env", f"{name}={value}")]
    # A volume takes owner and mode from the image's folder, as an emptyDir does from fsGroup.
    volume = f"e2e-{uuid.uuid4().hex[:12]}"
    run = ["run", "--rm", "--volume", f"{volume}:/workspace", *RESTRICTED, *user, "--network", network.name, *args]
    try:
        assert "PASSED" in docker(*run, NONROOT).ok().stdout
        reading = ["run", "--rm", "--volume", f"{volume}:/workspace", NONROOT, "sh", "-c"]
        told = docker(*reading, "id -u; cat faultgate-report/result.json")
        uid, _, result = told.ok().stdout.partition("\n")
        assert uid == "65532" and json.loads(result)["gate"]["verdict"] == "passed"
        # After a run that removed all it had made nothing is left to stop.
        docker(*run, NONROOT, "stop").ok()
    finally:
        docker("volume", "rm", "--force", volume)


@pytest.fixture(scope="module")
def empty_root() -> Iterator[str]:
    """An image with the binary and nothing else: no certificates, no shell, no /etc."""
    name = f"faultgate-alone:{uuid.uuid4().hex[:12]}"
    container = docker("create", IMAGE).ok().stdout.strip()
    archive = subprocess.run(["docker", "cp", f"{container}:/usr/local/bin/faultgate", "-"], capture_output=True)
    docker("rm", container).ok()
    docker("import", "--change", 'ENTRYPOINT ["/faultgate"]', "-", name, stdin=archive.stdout).ok()
    yield name
    docker("image", "rm", "--force", name)


def test_a_gate_in_an_empty_root(empty_root: str, network: Network, account: Callable[..., Account]) -> None:
    # The account's name has to be resolved, too.
    shop = account()
    settings = shop.variables() | shop.keys() | {"FAULTGATE_EXPERIMENT_TEMPLATE_ID": TEMPLATE}
    args = [part for name, value in settings.items() for part in ("--env", f"{name}={value}")]
    run = docker("run", "--rm", "--network", network.name, *args, empty_root).ok()
    assert "PASSED" in run.stdout


class Tls:
    """A server whose certificate nobody vouches for. Counts the handshakes that got as far as a refusal of it."""

    def __init__(self, network: Network, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "strange")])
        now = datetime.now(timezone.utc)
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address(network.gateway))])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).add_extension(address, critical=False)
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        kept = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (folder / "tls.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *kept) + pem)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "tls.pem")
        self.refusals: list[str] = []
        refusals = self.refusals

        class Handler(StreamRequestHandler):
            def setup(self) -> None:
                try:
                    self.request = context.wrap_socket(self.request, server_side=True)
                except ssl.SSLError as error:
                    refusals.append(error.reason)
                super().setup()

        self._server = ThreadingTCPServer((network.gateway, 0), Handler)
        self.url = f"https://{network.gateway}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize("whom", ["AWS", "a forge"])
def test_tls_in_an_empty_root_gets_as_far_as_the_certificate(
    whom: str, empty_root: str, network: Network, account: Callable[..., Account], tmp_path: Path
) -> None:
    shop, server = account(), Tls(network, tmp_path)
    settings = shop.variables() | shop.keys() | {"FAULTGATE_EXPERIMENT_TEMPLATE_ID": TEMPLATE}
    if whom == "AWS":
        settings |= {"AWS_ENDPOINT_URL": server.url}
    else:
        settings |= {"GITHUB_ACTIONS": "true", "GITHUB_API_URL": server.url, "GITHUB_SERVER_URL": "https://github.com"}
        settings |= {"GITHUB_REPOSITORY": "shop/web", "GITHUB_SHA": COMMIT, "FAULTGATE_GITHUB_TOKEN": "ghs_e2e"}
    args = [part for name, value in settings.items() for part in ("--env", f"{name}={value}")]
    run = docker("run", "--rm", "--network", network.name, *args, empty_root)
    server.close()
    assert run.code == (3 if whom == "AWS" else 0), run.text
    assert "UnknownIssuer" in run.text and "No CA certificates" not in run.text
    # The client knew the certificate for a stranger's and said so.
    assert "TLSV1_ALERT_UNKNOWN_CA" in server.refusals, server.refusals
