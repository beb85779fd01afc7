"""The fault battery: an operator behind a proxy that hurts it, and oracles that tell what came of it."""
