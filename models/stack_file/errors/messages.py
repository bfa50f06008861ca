"""Tables for the messages about values that are refused."""

from __future__ import annotations

WHY_VALUE = (
    "pulumi up refuses the file before it changes anything (schema/stack.schema.json)"
)
WHY_MISSING = (
    "it has no default, so pulumi up refuses the file (schema/stack.schema.json)"
)
WHY_UNKNOWN = "nothing reads an unknown key, so the setting would keep its default (schema/stack.schema.json)"

TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
"""The type that a value must have, by pydantic's name of the error."""

BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
    "string_too_long": ("max_length", "no longer than"),
    "string_too_short": ("min_length", "no shorter than"),
}
"""Which limit of a field is broken, and how that is said, by pydantic's name of the refusal."""

SYNONYMS = {
    "contextlength": "maxModelLen",
    "count": "nodes",
    "dpsize": "dataParallelSize",
    "kubecontext": "context",
    "loramodules": "adapters",
    "maxcontextlen": "maxModelLen",
    "maxlength": "maxModelLen",
    "maxseqlen": "maxModelLen",
    "maxlorarank": "maxRank",
    "mem": "memory",
    "memory": "nodeMemory",
    "nodecount": "nodes",
    "npucount": "npus",
    "npunum": "npus",
    "npus": "npusPerNode",
    "ppsize": "pipelineParallelSize",
    "shmsize": "shm",
    "tpsize": "tensorParallelSize",
}
"""Other names of keys, which resemble another key more than the right one."""

NICKNAMES = {
    "cpus": "resources.cpu",
    "dnspolicy": "podTemplate.spec.dnsPolicy",
    "dp": "engine.dataParallelSize",
    "ep": "engine.enableExpertParallel",
    "maxbatchsize": "engine.maxNumSeqs",
    "maxconcurrency": "engine.maxNumSeqs",
    "pdb": "disruptionBudget",
    "podannotations": "podTemplate.metadata.annotations",
    "podlabels": "podTemplate.metadata.labels",
    "runtimeclassname": "podTemplate.spec.runtimeClassName",
    "serviceaccount": "podTemplate.spec.serviceAccountName",
    "serviceaccountname": "podTemplate.spec.serviceAccountName",
    "tp": "engine.tensorParallelSize",
    "pp": "engine.pipelineParallelSize",
    "updatestrategy": "rollout",
    "strategy": "rollout",
    "replicacount": "replicas",
    "terminationgraceperiodseconds": "drain",
    "startuptimeout": "startup",
    "shmsize": "resources.shm",
    "nodeselector": "podTemplate.spec.nodeSelector",
    "tolerations": "podTemplate.spec.tolerations",
    "affinity": "podTemplate.spec.affinity",
    "topologyspreadconstraints": "podTemplate.spec.topologySpreadConstraints",
    "volumes": "podTemplate.spec.volumes",
    "initcontainers": "podTemplate.spec.initContainers",
    "sidecars": "podTemplate.spec.containers",
    "labels": "podTemplate.metadata.labels",
    "annotations": "podTemplate.metadata.annotations",
}
"""Other names that people use for keys."""
