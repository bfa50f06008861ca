"""The NPUs of a live cluster: who offers them, and who holds them."""
