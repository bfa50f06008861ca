"""Values in the form of Kubernetes, Helm or vLLM, and the form that the stack file has for them."""
