"""Loadstar: a Kubernetes operator that runs Tasks where the cluster really has room."""

__version__ = "0.1.0"
