"""The commands, in the order in which they are used. Each reads its options, calls one function and prints."""

from __future__ import annotations

import click

from modassist.commands.alerts import alert_command
from modassist.commands.bot import run_command, status_command
from modassist.commands.data import export_command, forget_command, import_command, purge_command
from modassist.commands.demo import demo_command
from modassist.commands.evaluating import evaluate_command
from modassist.commands.reading import analyse_command, digest_command, poll_command, show_command
from modassist.commands.reviewing import review_command
from modassist.commands.rule_packs import rules_group
from modassist.commands.setup import config_command, doctor_command, init_command, schema_command
from modassist.commands.training import train_command

COMMANDS: tuple[click.Command, ...] = (
    demo_command,
    init_command,
    poll_command,
    digest_command,
    show_command,
    alert_command,
    review_command,
    run_command,
    status_command,
    analyse_command,
    import_command,
    export_command,
    train_command,
    evaluate_command,
    rules_group,
    config_command,
    doctor_command,
    schema_command,
    forget_command,
    purge_command,
)
