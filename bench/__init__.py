"""How fast the program is: against `kubectl apply` and against a bare Pulumi program, as ratios measured in one run."""
