"""Rules on rights that the pods do not have by default. Whoever accepts such a finding writes down the reason."""
