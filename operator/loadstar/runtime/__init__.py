"""The loops around the core: store, queue, placement cycle, writer, leader. Knows ports, not Kubernetes clients."""
