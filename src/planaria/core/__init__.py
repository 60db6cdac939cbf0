"""Pure words and rules: instants, positions, windows, points, errors. No IO, no threads, no clock."""
