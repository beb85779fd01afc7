"""`loadstar run`: the operator itself."""

from __future__ import annotations

import gc
import os
from typing import Final

import click
import uvloop

from loadstar import composition
from loadstar.config import Settings, SettingsError
from loadstar.telemetry import configure_logging

GARBAGE_AFTER: Final = 50_000
"""New objects between two looks for cycles, of which there are few; each look goes through what is young, in vain."""


@click.command("run")
def run_operator() -> None:
    """Run the operator. Settings come from LOADSTAR_* variables; placement is the PlacementPolicy's."""
    try:
        settings = Settings.read(os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    configure_logging(settings.log_level)
    gc.set_threshold(GARBAGE_AFTER, 20, 20)
    uvloop.run(composition.run(settings))
