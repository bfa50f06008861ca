"""A local Kubernetes control plane with simulated Ascend nodes and the real Volcano, and the real Pulumi engine.

`cluster` brings a sandbox up and down, `environment` gives the variables to use it, `deployment` runs a stack of a
Pulumi project in it. `plan` describes its nodes, `paths` its directories, and `toolchain` provides its programs.
"""
