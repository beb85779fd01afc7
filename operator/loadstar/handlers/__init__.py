"""The kopf layer: what kopf sees is translated and handed on. No rule lives here, and no handler writes."""
