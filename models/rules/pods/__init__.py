"""Rules on pods: names and paths, images and users, and `podTemplate`."""
