"""Checks of the template of a pod: the errors that the API server of Kubernetes would report.

A template is checked in two passes:

1. `structure.py` compares the patch with the OpenAPI schema (`pod_schema.json`): names of fields, types, required
   fields.
2. `pod.py` checks the patched template against the rules that the schema does not have: choices, formats of
   names, ranges, fields that exclude each other, references between fields.

`tools/pod_schema.py` makes the schema. The rules follow pkg/apis/core/validation of Kubernetes 1.34.1.
"""
