"""Any tree of files."""
