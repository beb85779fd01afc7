"""A real Kubernetes cluster on one machine, without containers around it, a registry or a download of binaries.

The control plane and every node live in namespaces that the bed makes; the host's routing and firewall stay as they
are. For those who have no cluster, and for the end-to-end tests. See docs/testbed.md.
"""
