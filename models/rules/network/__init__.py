"""Rules on the way to a service: the HTTP server, load balancer, policies, and who answers."""
