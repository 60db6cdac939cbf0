"""Planaria: disaster recovery for a whole production environment."""

__version__ = "0.1.0"
