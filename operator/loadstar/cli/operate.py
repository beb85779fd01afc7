"""`loadstar run`: the operator itself."""

from __future__ import annotations

import os

import click
import uvloop

from loadstar import composition
from loadstar.config import Settings, SettingsError
from loadstar.telemetry import configure_logging


@click.command("run")
def run_operator() -> None:
    """Run the operator. Settings come from LOADSTAR_* variables; placement is the PlacementPolicy's."""
    try:
        settings = Settings.read(os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    configure_logging(settings.log_level)
    uvloop.run(composition.run(settings))
