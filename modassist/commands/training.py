"""train: a model from corpora, and from the team's own verdicts."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modassist.commands.reading import open_store
from modassist.commands.run import Run, command
from modassist.errors import ModassistError, ModelError, StoreError

if TYPE_CHECKING:
    from modassist.config.settings import Settings
    from modassist.training.compare import Flags
    from modassist.training.examples import LabelledThread
    from modassist.training.trial import Ground, Trial


@command("train", "modassist train --with-verdicts")
@click.option("--with-verdicts", is_flag=True, help="Learn from the team's verdicts too; see modassist review.")
@click.option(
    "--corpora",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="DIR",
    help="Labelled threads to train on (repeatable) [corpora/ of the checkout].",
)
@click.option("--encoder", "named", metavar="NAME", help="A sentence encoder to weigh too [detection.encoder].")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="The model [beside the database].")
def train_command(
    run: Run, with_verdicts: bool, corpora: tuple[Path, ...], named: str | None, output: Path | None
) -> None:
    """Train the model and put it in use.

    With verdicts, the new model is put in use only if it loses neither on held-out verdicts nor on the corpora.
    Nothing leaves this machine. Takes a few minutes.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise ModelError("training needs scikit-learn", "pip install 'modassist[train]'")
    settings = run.settings()
    file = output or _usual_file(settings)
    chosen = settings.detection.encoder if named is None else named
    ground = _ground(run, settings, corpora or (_shipped(),), chosen)
    if chosen != settings.detection.encoder:
        run.tell(f'To use the new model, set detection.encoder = "{chosen}".')
    if not with_verdicts:
        _train(run, ground, file)
        return
    judged = _judged_threads(run, settings)
    trial = _attempt(settings, ground, judged)
    click.echo(_table(trial))
    if not trial.is_won:
        run.tell("The new model loses somewhere, so the one in use stays. More verdicts may change that.")
        return
    _write(file, trial.model)
    run.tell(f"{file} written: from now on it judges this forum's threads.")


def _usual_file(settings: Settings) -> Path:
    from modassist.learned.loading import OFF, own_model

    chosen = settings.detection.model
    return Path(chosen).expanduser() if chosen and chosen != OFF else own_model(settings.database)


def _shipped() -> Path:
    """The corpora of a checkout; an installed package has none."""
    import modassist

    folder = Path(modassist.__file__).resolve().parent.parent / "corpora"
    if not folder.is_dir():
        raise ModassistError(
            "there are no corpora here: the installed package does not carry them",
            "--corpora names a folder of labelled threads, such as corpora/ of a checkout",
        )
    return folder


def _ground(run: Run, settings: Settings, corpora: Sequence[Path], named: str) -> Ground:
    from modassist.judging import detectors
    from modassist.learned.encoder import load
    from modassist.resources import rules_root
    from modassist.rules.packs import pack_files
    from modassist.training.examples import read_threads
    from modassist.training.trial import Ground, digest_of

    threads = read_threads(corpora)
    if not threads:
        raise ModassistError(f"{', '.join(map(str, corpora))}: no labelled threads", "they are .jsonl files")
    folders = (rules_root(), *settings.rules.folders)
    files = [file for path in corpora for file in (sorted(path.rglob("*.jsonl")) if path.is_dir() else [path])]
    packs = [file for folder in folders for file in pack_files(Path(folder))]
    encoder = load(named) if named else None
    digest = digest_of([*files, *packs]) + (f"-{encoder.sha256[:16]}" if encoder else "")
    return Ground(
        threads,
        detectors.load(settings.rules.folders, settings.rules.disable),
        {"trained": run.now().date().isoformat(), "corpora": digest},
        run.tell,
        encoder,
    )


def _train(run: Run, ground: Ground, file: Path) -> None:
    from modassist.training.trial import plain

    model, reference = plain(ground)
    click.echo(_row("corpora, held out", reference.flags))
    _write(file, model)
    run.tell(f"{file} written.")


def _judged_threads(run: Run, settings: Settings) -> list[LabelledThread]:
    """The stored threads with verdicts."""
    from modassist.pipeline import Desk
    from modassist.training.verdicts import labelled

    with open_store(settings) as store:
        desk = Desk(store, settings, run.now(settings.timezone))
        found = [labelled(key.source, desk.thread(key), store.verdicts(key)) for key in store.judged_threads()]
    threads = [thread for thread in found if thread is not None]
    if not threads:
        raise StoreError("there are no verdicts yet", "modassist review asks for them")
    return threads


def _attempt(settings: Settings, ground: Ground, judged: Sequence[LabelledThread]) -> Trial:
    from dataclasses import replace

    from modassist.learned.loading import Weighers
    from modassist.learned.model_file import TrainedModel
    from modassist.records.stream import load_weighers
    from modassist.training.trial import DetectorsFor, attempt

    wanted = settings.detection

    def judging_by(weighers: Weighers | None) -> DetectorsFor:
        if weighers is None:
            return lambda category: ground.detectors
        return lambda category: replace(ground.detectors, learned=weighers.for_category(category))

    def with_model(model: TrainedModel) -> DetectorsFor:
        return judging_by(
            Weighers(
                model,
                strictness=wanted.strictness,
                own=wanted.thresholds,
                by_category=wanted.categories,
                encoder=ground.encoder,
            )
        )

    in_use = load_weighers(settings)
    known = in_use.model.about if in_use else {}
    return attempt(ground, judged, in_use=judging_by(in_use), with_model=with_model, known=known)


def _write(file: Path, model: Any) -> None:
    """Puts the model there whole or not at all; an earlier one stays beside it as `.before`."""
    from modassist.learned.model_file import to_bytes

    fresh = file.with_name(file.name + ".new")
    try:
        fresh.write_bytes(to_bytes(model))
        if file.exists():
            file.replace(file.with_name(file.name + ".before"))
        fresh.replace(file)
    except OSError as fault:
        raise ModassistError(f"{file}: cannot be written: {fault.strerror}", "--output names another file") from fault


def _table(trial: Trial) -> str:
    rows = (
        _row("held-out verdicts, in use", trial.held_out_before),
        _row("held-out verdicts, new", trial.held_out_after),
        _row("corpora, without verdicts", trial.corpora_before),
        _row("corpora, with verdicts", trial.corpora_after),
    )
    return "\n".join(rows)


def _row(name: str, flags: Flags) -> str:
    precision, f1 = (f"{value:.3f}" if value is not None else "–" for value in (flags.precision, flags.f1))
    given = flags.hits + flags.false_alarms
    return f"{name:27} flags {given:5} of {flags.asked:5} replies   precision {precision:>5}   F1 {f1:>5}"
