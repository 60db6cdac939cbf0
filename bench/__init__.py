"""Measurements, side by side with what others use."""
