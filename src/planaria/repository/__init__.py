"""The encrypted repository: keys, sealed objects, packs, index, bases, journals, checks."""
