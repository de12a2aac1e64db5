"""Put supplied wheels into an environment, as one transaction."""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.installed import has_lost_layer, installed_into, without_record
from virtualenv_reflink.environment.record import Recorder, Row
from virtualenv_reflink.filesystem.permissions import current_umask
from virtualenv_reflink.placing.batches import Batch
from virtualenv_reflink.placing.chain import Chain
from virtualenv_reflink.placing.mode import FileMode
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.placing.worklist import Worklist
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.transaction.errors import explained
from virtualenv_reflink.transaction.footprint import Footprint
from virtualenv_reflink.transaction.generated import Generated, Generator, write_file
from virtualenv_reflink.transaction.layout import Layout, Placed
from virtualenv_reflink.transaction.steps import Steps
from virtualenv_reflink.transaction.supplied import SuppliedWheel
from virtualenv_reflink.transaction.transaction import Transaction

# So few that files are soon being placed, and so many that the journal has few entries.
_PORTION = 16


def install(
    wheels: Sequence[SuppliedWheel], environment: Environment, placer: Placer, change: Transaction, progress: Progress
) -> None:
    """Install ``wheels``, each replacing what the environment holds of its distribution.

    Where two wheels hold the same file the later one's stays, as with pip.

    :raises InstallError: when a file is in the way or the disk is full.
    :raises LinkModeError: when the link mode asked for is impossible.
    """
    with explained(named(wheels), environment):
        present = list(installed_into(environment))
        lost = without_record(present)
        names = {normalized_name(supplied.distribution) for supplied in wheels}
        replaced = [each for each in present if each.name in names]
        if replaced:
            # a lazy boundary: a new environment has nothing to replace
            from virtualenv_reflink.transaction.remove import remove_installed

            remove_installed(replaced, environment, change)
        _Installation(environment, placer, change, lost).install(wheels, progress)


def install_over(
    wheels: Sequence[SuppliedWheel], environment: Environment, placer: Placer, change: Transaction, progress: Progress
) -> None:
    """Install ``wheels`` without a look at what is there: it is overwritten or stays (pip's ``--ignore-installed``).

    :raises InstallError: when a directory or the interpreter is in the way or the disk is full.
    :raises LinkModeError: when the link mode asked for is impossible.
    """
    with explained(named(wheels), environment):
        change.set_aside({"": [Layout(supplied, environment).published[1] for supplied in wheels]})
        overwritten = frozenset(normalized_name(supplied.distribution) for supplied in wheels)
        _Installation(environment, placer, change, overwritten).install(wheels, progress)


def install_beside_layer(
    wheels: Sequence[SuppliedWheel], environment: Environment, placer: Placer, change: Transaction
) -> list[tuple[SuppliedWheel, list[Row]]]:
    """Put what a layer lacks of ``wheels`` into an environment; return the rows that RECORD has for it.

    :raises InstallError: when a file is in the way or the disk is full.
    """
    with explained(named(wheels), environment):
        names = (normalized_name(supplied.distribution) for supplied in wheels)
        lost = frozenset(names) if has_lost_layer(environment) else frozenset()
        return _Installation(environment, placer, change, lost).install_beside_layer(wheels)


def named(wheels: Sequence[SuppliedWheel]) -> str:
    """Return a few words for some wheels."""
    first = wheels[0].wheel.metadata.wheel if wheels else "nothing"
    return first if len(wheels) < 2 else f"{first} and {len(wheels) - 1} more"


def _portions(wheels: Sequence[SuppliedWheel]) -> Iterator[Sequence[SuppliedWheel]]:
    """Yield some wheels at a time, last ones first, so that a file which several hold is that of the last one."""
    backwards = wheels[::-1]
    for start in range(0, len(wheels), _PORTION):
        yield backwards[start : start + _PORTION]


class _Plan(NamedTuple):
    """What one wheel brings: files of the cache by directory, and files made for this environment.

    ``mapped`` are those of the cache whose memory is to be shared.
    """

    supplied: SuppliedWheel
    layout: Layout
    placed: list[Placed]
    mapped: list[Placed]
    generated: list[Generated]


class _Installation:
    """Plans some wheels, writes the plan down, and only then makes anything of it; while that is done, plans more."""

    def __init__(
        self, environment: Environment, placer: Placer, change: Transaction, lost: frozenset[str] = frozenset()
    ) -> None:
        """Take also the projects whose files may be there although no RECORD lists them, by normalized name."""
        self._environment = environment
        self._lost = lost
        self._placer = placer
        self._change = change
        self._generator = Generator(environment, current_umask())
        self._footprint = Footprint(environment)
        self._claimed: dict[str, set[str]] = {}

    def install(self, wheels: Sequence[SuppliedWheel], progress: Progress) -> None:
        plans: list[_Plan] = []
        with Worklist(self._placer, progress) as worklist:
            for portion in _portions(wheels):
                planned = [self._plan(supplied, self._generator.files(supplied)) for supplied in portion]
                self._write_down(planned)
                for plan in planned:
                    with explained(named([plan.supplied]), self._environment):
                        worklist.add(self._batches(plan))
                        self._make(plan.layout, self._record(plan))
                plans += planned
            self._make_generated(plans)

    def install_beside_layer(self, wheels: Sequence[SuppliedWheel]) -> list[tuple[SuppliedWheel, list[Row]]]:
        generate = self._generator.scripts_and_bytecode
        plans = [self._plan(supplied, generate(supplied)) for supplied in reversed(wheels)]
        self._write_down(plans)
        with Worklist(self._placer, Progress()) as worklist:
            for plan in plans:
                worklist.add(self._batches(plan))
            self._make_generated(plans)
        return [(plan.supplied, self._rows(plan)) for plan in plans]

    def _plan(self, supplied: SuppliedWheel, generated: list[Generated]) -> _Plan:
        layout = Layout(supplied, self._environment)
        mapped = list(layout.shared_objects(generated))
        return _Plan(supplied, layout, list(layout.directories(generated)), mapped, generated)

    def _write_down(self, plans: Sequence[_Plan]) -> None:
        """Have the transaction know of every directory and file to come; set aside what is in the way.

        :raises FileExistsError: when a file that no distribution owns is in the way.
        """
        files = [new for plan in plans for new in self._new_files(plan)]
        self._footprint.make_room(self._change)
        staged = [plan for plan in plans if any(place.target == plan.layout.published[0] for place in plan.placed)]
        self._change.will(
            Steps(
                directories=self._footprint.new_directories(),
                files=files,
                trees=sorted({plan.layout.staging for plan in staged}),
                publish=[plan.layout.published for plan in staged],
            )
        )

    def _new_files(self, plan: _Plan) -> Iterator[tuple[str, list[str]]]:
        """Yield the files of a plan by directory, without those in the staging directory, which is known as a whole."""
        staging = plan.layout.staging
        lost = normalized_name(plan.supplied.distribution) in self._lost
        for _, _, target, table, _ in (*plan.placed, *plan.mapped):
            if not target.startswith(staging):
                names = table.each_name()
                self._footprint.add(target, names, lost=lost)
                if names:
                    yield target, names
        for file in plan.generated:
            target, _, name = plan.layout.target(file.scheme, file.path).rpartition("/")
            if not target.startswith(staging):
                self._footprint.add(target, [name], lost=lost)
                yield target, [name]

    def _batches(self, plan: _Plan) -> Iterator[Batch]:
        """Yield the files of a plan that no later wheel holds too, in directories that this makes."""
        yield from self._batches_by(self._placer.files, plan.placed)
        yield from self._batches_by(self._placer.shared_objects, plan.mapped)

    def _batches_by(self, chain: Chain, placed: Sequence[Placed]) -> Iterator[Batch]:
        modes: dict[str, FileMode] = {}
        for scheme, source, target, table, mtime_ns in placed:
            claimed = self._make_directory(target)
            if claimed:
                table = table.without(claimed)
            names = table.each_name()
            if names:
                claimed.update(names)
                if scheme not in modes:
                    modes[scheme] = chain.between(f"{source}/{names[0]}", target)
                yield Batch(source, target, table, mtime_ns, modes[scheme])

    def _make_directory(self, path: str) -> set[str]:
        """Make a directory unless it is there, and return the names that are claimed in it."""
        claimed = self._claimed.get(path)
        if claimed is None:
            try:
                os.mkdir(path)
            except FileExistsError:
                pass
            except FileNotFoundError:
                self._make_directory(path.rpartition("/")[0])
                os.mkdir(path)
            claimed = self._claimed[path] = set()
        return claimed

    def _make_generated(self, plans: Sequence[_Plan]) -> None:
        """Make files of plans whose cached files have been handed on: a name that one of these has is not free."""
        for plan in plans:
            for file in plan.generated:
                self._make(plan.layout, file)

    def _make(self, layout: Layout, file: Generated) -> None:
        target = layout.target(file.scheme, file.path)
        directory, _, name = target.rpartition("/")
        claimed = self._make_directory(directory)
        if name not in claimed:
            claimed.add(name)
            write_file(target, file)

    def _record(self, plan: _Plan) -> Generated:
        recorder = Recorder(plan.supplied.wheel, self._environment)
        path = f"{plan.supplied.dist_info}/RECORD"
        return Generated(plan.supplied.wheel.metadata.root_scheme, path, recorder.text(self._rows(plan)))

    def _rows(self, plan: _Plan) -> list[Row]:
        wheel, bytecode = plan.supplied.wheel, plan.supplied.bytecode
        recorder = Recorder(wheel, self._environment)
        rows = list(recorder.placed(wheel.tree, frozenset(wheel.metadata.rewritten_scripts)))
        if bytecode:
            rows += recorder.compiled(bytecode, frozenset(file.path for file in plan.generated))
        return rows + [recorder.generated(file.scheme, file.path, file.content) for file in plan.generated]
