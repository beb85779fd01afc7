"""The operator's image: the shipped Dockerfile with whatever builder there is, without a registry if need be."""
