"""Rules on servers over several nodes."""
