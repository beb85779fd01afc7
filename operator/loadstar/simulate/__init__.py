"""A cluster in miniature, in which the strategies of `core` place Tasks without a cluster: for a trace, or a model."""
