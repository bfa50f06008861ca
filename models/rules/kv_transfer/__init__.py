"""Rules on two services that exchange KV cache: prefill and decode on separate servers."""
