"""The program that `pulumi preview` and `pulumi up` run."""

import pulumi

from components import cluster_provider, deploy, shared_resources, without_unknown_kinds
from models import check, load_stack, resolve

stack = resolve(load_stack(pulumi.get_stack(), pulumi.Config()))
report = check(stack)
report.raise_for_errors(pulumi.RunError)  # nothing is registered yet
report.warn(pulumi.log.warn)

provider = cluster_provider(stack.cluster)
stack = without_unknown_kinds(stack)
shared = shared_resources(stack, provider)
deploy(stack, shared.service_options())
endpoints = {service.name: service.endpoint for service in stack.services}
pulumi.export("services", endpoints)
