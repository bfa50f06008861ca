"""The program: what `pulumi preview` and `pulumi up` run."""

import pulumi

from components import (
    InferenceDeployment,
    InferenceDeploymentArgs,
    as_far_as_known,
    cluster_provider,
    deploy,
    namespace,
    secrets,
    with_claims,
)
from models import check, load_stack, resolve

stack = resolve(load_stack(pulumi.get_stack(), pulumi.Config()))
report = check(stack)
report.raise_for_errors(pulumi.RunError)  # every finding of every service; nothing is registered yet
report.warn(pulumi.log.warn)

provider = cluster_provider(stack.cluster)
stack = as_far_as_known(stack)
home = with_claims(secrets(stack, namespace(stack.cluster, provider)), stack)
deploy(
    stack,
    lambda service: InferenceDeployment(service.name, InferenceDeploymentArgs(service), home.child_options()),
)
pulumi.export("services", {service.name: service.endpoint for service in stack.services})
