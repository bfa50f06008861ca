"""The keys of a service, derived from its pod and from its launch."""
