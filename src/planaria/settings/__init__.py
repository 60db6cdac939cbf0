"""The configuration file: typed models, secrets by reference, errors that say file, line and path."""
