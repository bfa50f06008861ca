"""Services with every default filled in: resolution, rollout, capacity, memory fit and deadlines."""
