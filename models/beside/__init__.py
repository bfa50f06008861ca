"""What stands beside the pods of a service, each wanted by a key of its own: how it is written in the stack file, the
objects that it becomes, and what cannot work. The pods do not need it; who reads their way need not read this."""
