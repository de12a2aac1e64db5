"""``virtualenv-reflink fork``: make a complete, separate copy of an environment, whoever made that.

What names the old place names the new one: scripts, activation, path files, metadata. Projects that were installed
editable and lie beside ENV are taken from the same place beside NEW_ENV if they are there. ENV is only read.

A git worktree with an environment of its own, as a command of git:

  git config --global alias.fork '!f() { git worktree add "$@" && virtualenv-reflink fork .venv "$1/.venv"; }; f'
  git fork ../review-42 some-branch
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence

from virtualenv_reflink.cli.outcome import add_outcome, write_outcomes
from virtualenv_reflink.cli.parser import command_parser, filled
from virtualenv_reflink.cli.terminal import progress, tell, tell_warnings
from virtualenv_reflink.forking.fork import Fork, fork


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    options = _parser().parse_args(arguments)
    telling = progress(verbose=options.verbose, quiet=options.quiet)
    made = fork(options.env, options.new, moved=dict(options.moved), progress=telling, on_wait=tell)
    if not options.quiet:
        _report(made, options.env, verbose=options.verbose)
    tell_warnings(made.outcome)
    write_outcomes(options.outcome, {made.environment: made.outcome})
    return 0


def _report(made: Fork, source: str, *, verbose: bool) -> None:
    print(f"Forked {source} to {made.environment} in {made.seconds:.2f} s via {made.outcome}")
    shared = "" if "copy" in made.outcome.mode else ", all else is shared"
    print(f"Re-pointed {len(made.repointed)} files; {made.written:,} bytes written{shared}")
    for old, new in made.projects.items():
        print(f" ~ {old} -> {new}")
    if verbose:
        for path in made.repointed:
            print(f"   {path}")


def _moved(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise ArgumentTypeError(f"{text!r} is not of the form OLD=NEW")
    return old, new


def _parser() -> ArgumentParser:
    parser = command_parser("fork", __doc__)
    parser.add_argument("env", metavar="ENV", type=filled, help="the environment to copy")
    parser.add_argument("new", metavar="NEW_ENV", type=filled, help="where its copy is to be; nothing may be there")
    parser.add_argument(
        "--moved",
        metavar="OLD=NEW",
        type=_moved,
        action="append",
        default=[],
        help="a place that ENV refers to, and where NEW_ENV is to find it; repeatable",
    )
    talk = parser.add_mutually_exclusive_group()
    talk.add_argument("-v", "--verbose", action="store_true", help="name each file that was re-pointed")
    talk.add_argument("-q", "--quiet", action="store_true", help="say nothing unless it fails")
    add_outcome(parser)
    return parser
