"""Rules on rights of the containers that `podTemplate` adds.

The containers of the program drop all capabilities and may not gain rights. An added container has only the limits that
it sets itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, Mark, warning
from models.rules.pods.added_parts import (
    ANNOTATIONS,
    Part,
    added_annotations,
    added_containers,
    container_keys,
)
from models.rules.registry import right_rule
from models.service.resolved import ResolvedService
from models.words import listed

_LIMITS = (
    "{runAsUser: 1000, runAsNonRoot: true, allowPrivilegeEscalation: false,"
    " capabilities: {drop: [ALL]}}"
)
"""The security context with the limits that the program's own containers have, for a user other than root."""

_HARMLESS_CAPABILITIES = ("NET_BIND_SERVICE",)
"""Capabilities that Pod Security `restricted` allows (pod-security-admission v0.34.1,
policy/check_capabilities_restricted.go)."""

_SELINUX_TYPES = (
    "",
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_engine_t",
)
"""SELinux types that Pod Security `baseline` allows (pod-security-admission v0.34.1,
policy/check_seLinuxOptions.go)."""

_APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_ANNOTATIONS = (
    "seccomp.security.alpha.kubernetes.io/pod",
    "container.seccomp.security.alpha.kubernetes.io/",
)

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_HOOKS = ("postStart", "preStop")
_REQUESTS = ("httpGet", "tcpSocket")


@right_rule(*container_keys("name"))
def container_without_security_context(service: ResolvedService) -> Iterator[Finding]:
    """An added container has a security context.

    Without one, it runs as the user of its image, often root, with the default capabilities of the runtime, and may
    gain further rights by set-user-ID programs (Kubernetes, Configure a Security Context).
    """
    for container in added_containers(service):
        if not container.part("securityContext").fields:
            yield warning(
                f"the container {container.name} has no securityContext",
                why="it keeps the runtime's default capabilities, may be root, and may gain further rights",
                fix=f"write {'.'.join(container.path)}.securityContext: {_LIMITS}",
                marks=[container.mark("name")],
            )


@right_rule(
    *container_keys(
        "securityContext.privileged", "securityContext.windowsOptions.hostProcess"
    )
)
def privileged_container(service: ResolvedService) -> Iterator[Finding]:
    """No added container is privileged.

    A privileged container has all capabilities and all devices of its node, and no profile confines it: whoever
    controls it controls the node. A HostProcess container of Windows is the same. Pod Security `baseline` forbids both
    (Privileged Containers, HostProcess).
    """
    for container, context in _contexts(service):
        if _is_privileged(context):
            yield warning(
                f"the container {container.name} is privileged",
                why="whoever controls it controls the node (Pod Security baseline, Privileged Containers)",
                fix=f"remove {'.'.join(context.path)}.privileged",
                marks=[context.mark("privileged")],
            )
        windows = context.part("windowsOptions")
        if windows.get("hostProcess") is True:
            yield warning(
                f"the container {container.name} runs as a process of its node (hostProcess)",
                why="whoever controls it controls the node (Pod Security baseline, HostProcess)",
                fix=f"remove {'.'.join(windows.path)}.hostProcess",
                marks=[windows.mark("hostProcess")],
            )


@right_rule(*container_keys("securityContext.capabilities.add"))
def added_capability(service: ResolvedService) -> Iterator[Finding]:
    """An added container adds no capability.

    With SYS_ADMIN, SYS_PTRACE, NET_ADMIN and others, a process can escape from its container. NET_BIND_SERVICE is not
    reported: Pod Security `restricted` allows it (Capabilities).
    """
    for container, context in _contexts(service):
        capabilities = context.part("capabilities")
        names = []
        for name in capabilities.texts("add"):
            if _capability(name) not in _HARMLESS_CAPABILITIES:
                names.append(name)
        if names:
            yield warning(
                f"the container {container.name} adds {listed(names)}",
                why="Pod Security restricted allows only NET_BIND_SERVICE (Capabilities)",
                fix=f"remove {'.'.join(capabilities.path)}.add",
                marks=[capabilities.mark("add")],
            )


@right_rule(*container_keys("securityContext.capabilities"))
def default_capabilities(service: ResolvedService) -> Iterator[Finding]:
    """The security context of an added container drops all capabilities.

    Otherwise it keeps the default set of the runtime, such as NET_RAW and CHOWN. Pod Security `restricted` requires
    `drop: [ALL]` (Capabilities).
    """
    for container, context in _contexts(service):
        capabilities = context.part("capabilities")
        dropped = [name.upper() for name in capabilities.texts("drop")]
        if "ALL" not in dropped and not _is_privileged(context):
            yield warning(
                f"the container {container.name} keeps the default capabilities of the runtime",
                why="they contain NET_RAW and CHOWN; Pod Security restricted requires drop: [ALL] (Capabilities)",
                fix=f"write {'.'.join(capabilities.path)}.drop: [ALL]",
                marks=[context.mark("capabilities")],
            )


@right_rule(*container_keys("securityContext.allowPrivilegeEscalation"))
def privilege_escalation(service: ResolvedService) -> Iterator[Finding]:
    """The security context of an added container forbids gaining rights.

    `allowPrivilegeEscalation` is true by default, so a set-user-ID program makes the process root. Pod Security
    `restricted` requires false (Privilege Escalation).
    """
    for container, context in _contexts(service):
        if context.get("allowPrivilegeEscalation") is False:
            continue
        if _must_allow_escalation(context):
            continue
        yield warning(
            f"the container {container.name} may gain rights by set-user-ID programs",
            why="allowPrivilegeEscalation is true by default; Pod Security restricted requires false"
            " (Privilege Escalation)",
            fix=f"write {'.'.join(context.path)}.allowPrivilegeEscalation: false",
            marks=[context.mark("allowPrivilegeEscalation")],
        )


@right_rule(*container_keys("securityContext.runAsUser"))
def root_container(service: ResolvedService) -> Iterator[Finding]:
    """An added container runs as a user other than root.

    Without `runAsUser` and `runAsNonRoot`, the user of the image counts, and that is often root. Pod Security
    `restricted` forbids it (Running as Non-root).
    """
    for container, context in _contexts(service):
        user = context.get("runAsUser")
        if user is None and context.get("runAsNonRoot") is True:
            continue
        if user is None:
            problem = f"the container {container.name} runs as the user of its image, which may be root"
        elif _is_number(user) and user == 0:
            problem = f"the container {container.name} runs as root"
        else:
            continue
        yield warning(
            problem,
            why="Pod Security restricted requires a user other than root (Running as Non-root)",
            fix=f"write {'.'.join(context.path)}.runAsUser: 1000",
            marks=[context.mark("runAsUser")],
        )


@right_rule(*container_keys("securityContext.procMount"))
def unmasked_proc(service: ResolvedService) -> Iterator[Finding]:
    """The runtime masks `/proc` in each added container.

    With `procMount: Unmasked`, a container can read and write settings of the node's kernel below `/proc`. Pod Security
    `baseline` forbids it (/proc Mount Type).
    """
    for container, context in _contexts(service):
        kind = context.text("procMount")
        if kind not in ("", "Default"):
            yield warning(
                f"the container {container.name} has procMount {kind}",
                why="it sees settings of the node's kernel; Pod Security baseline forbids it (/proc Mount Type)",
                fix=f"remove {'.'.join(context.path)}.procMount",
                marks=[context.mark("procMount")],
            )


@right_rule(*container_keys("securityContext.appArmorProfile"), ANNOTATIONS)
def unconfined_apparmor(service: ResolvedService) -> Iterator[Finding]:
    """No AppArmor profile is switched off.

    This includes the older annotation, which works for the server's container too. Pod Security `baseline` forbids
    `Unconfined` (AppArmor).
    """
    for container, profile in _unconfined(service, "appArmorProfile"):
        yield warning(
            f"AppArmor does not confine the container {container.name}",
            why="Pod Security baseline forbids Unconfined (AppArmor)",
            fix=f"remove {'.'.join(profile.path)}",
            marks=[profile.mark("type")],
        )
    for name, mark in _unconfined_annotations(service, _APPARMOR_ANNOTATION):
        container_name = name.removeprefix(_APPARMOR_ANNOTATION)
        yield warning(
            f"AppArmor does not confine the container {container_name}, because of an annotation",
            why="Pod Security baseline forbids unconfined (AppArmor)",
            fix=f"remove podTemplate.metadata.annotations.{name}",
            marks=[mark],
        )


@right_rule(*container_keys("securityContext.seccompProfile"), ANNOTATIONS)
def unconfined_seccomp(service: ResolvedService) -> Iterator[Finding]:
    """No added container may use all system calls.

    `cluster.seccomp` sets the profile of the whole pod, and its default is `RuntimeDefault`. Pod Security `baseline`
    forbids `Unconfined` (Seccomp). Kubernetes before 1.27 reads it from annotations, too.
    """
    for container, profile in _unconfined(service, "seccompProfile"):
        yield warning(
            f"the container {container.name} may use all system calls of the kernel",
            why="Pod Security baseline forbids the seccomp profile Unconfined (Seccomp)",
            fix=f"remove {'.'.join(profile.path)}",
            marks=[profile.mark("type")],
        )
    for name, mark in _unconfined_annotations(service, _SECCOMP_ANNOTATIONS):
        yield warning(
            f"the annotation {name} allows all system calls of the kernel",
            why="Kubernetes before 1.27 reads it; Pod Security baseline forbids unconfined (Seccomp)",
            fix=f"remove podTemplate.metadata.annotations.{name}",
            marks=[mark],
        )


@right_rule(*container_keys("securityContext.seLinuxOptions"))
def selinux_options(service: ResolvedService) -> Iterator[Finding]:
    """No added container chooses a SELinux user, a role, or a type for processes outside of containers.

    Types such as `spc_t` are not confined. Pod Security `baseline` forbids them (SELinux).
    """
    for container, context in _contexts(service):
        options = context.part("seLinuxOptions")
        for key in ("user", "role", "type"):
            value = options.text(key)
            if value == "" or (key == "type" and value in _SELINUX_TYPES):
                continue
            yield warning(
                f"the container {container.name} sets the SELinux {key} {value}",
                why="it may be a context that SELinux does not confine; Pod Security baseline forbids it (SELinux)",
                fix=f"remove {'.'.join(options.path)}.{key}",
                marks=[options.mark(key)],
            )


@right_rule(*container_keys("ports.hostPort"))
def host_port(service: ResolvedService) -> Iterator[Finding]:
    """No added container occupies a port of its node.

    Everybody who can connect to the node can connect to such a port, without the Service. Only one pod of a node can
    have it. Pod Security `baseline` forbids it (Host Ports).
    """
    for container in added_containers(service):
        for port in container.parts("ports"):
            number = port.get("hostPort")
            if _is_number(number) and number:
                yield warning(
                    f"the container {container.name} occupies port {number} of its node",
                    why="everybody who can connect to the node can connect to it; Pod Security baseline forbids it"
                    " (Host Ports)",
                    fix=f"remove {'.'.join(port.path)}.hostPort",
                    marks=[port.mark("hostPort")],
                )


@right_rule(
    *container_keys("startupProbe", "readinessProbe", "livenessProbe", "lifecycle")
)
def probe_host(service: ResolvedService) -> Iterator[Finding]:
    """The probes and hooks of an added container send requests to this container only.

    The kubelet sends them from the node's network. With another `host`, it sends requests to any machine that the node
    reaches. Pod Security `baseline` forbids it from Kubernetes 1.34 on (Host Probes / Lifecycle Hooks).
    """
    for container in added_containers(service):
        for request in _requests_of_the_kubelet(container):
            host = request.text("host")
            if host:
                yield warning(
                    f"the kubelet sends requests to {host} for the container {container.name}",
                    why="they come from the node; Pod Security baseline forbids it (Host Probes / Lifecycle Hooks)",
                    fix=f"remove {'.'.join(request.path)}.host",
                    marks=[request.mark("host")],
                )


@right_rule(*container_keys("volumeMounts.mountPropagation"))
def mount_propagation(service: ResolvedService) -> Iterator[Finding]:
    """No added container changes the mounts of its node.

    With `mountPropagation: Bidirectional`, a mount that the container makes appears on the node and in its other pods
    (Kubernetes, Volumes, Mount propagation).
    """
    for container in added_containers(service):
        for mount in container.parts("volumeMounts"):
            if mount.get("mountPropagation") == "Bidirectional":
                yield warning(
                    f"mounts that the container {container.name} makes appear on its node",
                    why="they can hide files of the node and of its other pods"
                    " (Kubernetes, Volumes, Mount propagation)",
                    fix=f"remove {'.'.join(mount.path)}.mountPropagation",
                    marks=[mount.mark("mountPropagation")],
                )


def _contexts(service: ResolvedService) -> Iterator[tuple[Part, Part]]:
    """The added containers that have a security context, each with it."""
    for container in added_containers(service):
        context = container.part("securityContext")
        if context.fields:
            yield container, context


def _unconfined(service: ResolvedService, profile: str) -> Iterator[tuple[Part, Part]]:
    """The added containers whose profile is `Unconfined`, each with the profile."""
    for container, context in _contexts(service):
        part = context.part(profile)
        if part.get("type") == "Unconfined":
            yield container, part


def _unconfined_annotations(
    service: ResolvedService, prefixes: str | tuple[str, ...]
) -> Iterator[tuple[str, Mark]]:
    """The added annotations that begin with a prefix and have the value `unconfined`, each with its mark."""
    annotations = added_annotations(service)
    for name in annotations.fields:
        if name.startswith(prefixes) and annotations.text(name) == "unconfined":
            yield name, annotations.mark(name)


def _is_privileged(context: Part) -> bool:
    return context.get("privileged") is True


def _must_allow_escalation(context: Part) -> bool:
    """Whether the API server refuses `allowPrivilegeEscalation: false` (kubernetes, pkg/apis/core/validation)."""
    added = context.part("capabilities").texts("add")
    return _is_privileged(context) or "CAP_SYS_ADMIN" in added


def _capability(name: str) -> str:
    """The name of a capability as Kubernetes writes it. Runtimes accept other forms, too."""
    return name.upper().removeprefix("CAP_")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _requests_of_the_kubelet(container: Part) -> Iterator[Part]:
    """The requests of the probes and of the lifecycle hooks."""
    senders = [container.part(probe) for probe in _PROBES]
    lifecycle = container.part("lifecycle")
    senders += [lifecycle.part(hook) for hook in _HOOKS]
    for sender in senders:
        for kind in _REQUESTS:
            yield sender.part(kind)
