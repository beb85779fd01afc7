"""Where the load of nodes is read: each source implements the runtime's `LoadSource`."""
