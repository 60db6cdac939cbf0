"""`planaria keys`: who can read, and whether that has been tried."""

import typer

keys = typer.Typer(help="Who can read the repository.", rich_markup_mode=None)
