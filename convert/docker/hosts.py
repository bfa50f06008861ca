"""Further names of addresses: `--add-host` of `docker run`, `extra_hosts` of Compose."""

from __future__ import annotations

import ipaddress

from convert.docker.options import ContainerOptions, FurtherOption
from convert.note import Place


def add_host(
    options: ContainerOptions,
    name: str,
    address: str,
    place: Place,
) -> None:
    """Add a name of an address. A word instead of an address, such as `host-gateway`, is noted."""
    try:
        ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        option = FurtherOption(f"the host {name}", place, "add-host")
        options.further.append(option)
    else:
        options.hosts[name] = address.strip("[]")
