"""The program: what `pulumi preview` and `pulumi up` run."""

import gc

import pulumi

from components import InferenceDeployment, InferenceDeploymentArgs, cluster_provider, namespace
from models import check, load_stack, resolve

gc.disable()  # it ends with the update, and registering resources makes the collector run again and again

stack = resolve(load_stack(pulumi.get_stack(), pulumi.Config()))
report = check(stack)
report.raise_for_errors(pulumi.RunError)  # every finding of every service; nothing is registered yet
report.warn(pulumi.log.warn)

provider = cluster_provider(stack.cluster)
home = namespace(stack.cluster, provider)
for service in stack.services:
    InferenceDeployment(service.name, InferenceDeploymentArgs(service), home.child_options())

pulumi.export("services", {service.name: service.endpoint for service in stack.services})
