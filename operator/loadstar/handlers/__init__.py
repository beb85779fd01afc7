"""What is seen is translated and handed on: few kinds by kopf, the many by reflectors. No rule lives here."""
