"""Puts the house together: the only room that knows both wings."""

from gpu_shopper.bootstrap.app import App, StartRefused, build
from gpu_shopper.bootstrap.offline import (
    backup_database,
    create_token_offline,
    migrate_database,
    restore_database,
    sweep_without_server,
)

__all__ = [
    "App",
    "StartRefused",
    "backup_database",
    "build",
    "create_token_offline",
    "migrate_database",
    "restore_database",
    "sweep_without_server",
]
