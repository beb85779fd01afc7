"""The only code that speaks to the API server: credentials, client, list-watch, Pods, and the ports' implementation."""
