"""An update of a live cluster: the order of the services, and waiting until they are ready."""
