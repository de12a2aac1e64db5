"""The journal: what is written into it is read from it, whatever the names, and damage never goes unnoticed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from virtualenv_reflink.transaction.journal import Journal
from virtualenv_reflink.transaction.steps import Aside, Steps

ODD = os.fsdecode(b"caf\xe9 \xff\n\xc3\xa9 \xf0\x9f\x90\x8d")


def every_step(root: str) -> Steps:
    return Steps(
        aside=[Aside(f"{root}/lib/{ODD}", f"{root}/.aside/0", "sample"), Aside(f"{root}/b", f"{root}/.aside/1", "")],
        directories=[f"{root}/lib/{ODD}/new"],
        files=[(f"{root}/lib", [ODD, "module.py"]), (f"{root}/bin", ["script"])],
        trees=[f"{root}/lib/.new"],
        publish=[(f"{root}/lib/.new/a", f"{root}/lib/a")],
        replace=[(f"{root}/lib.new", f"{root}/lib", f"{root}/.aside/lib")],
    )


@pytest.mark.parametrize("links", [True, False])
def test_what_is_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:
        monkeypatch.setattr(os, "symlink", _no_links)
    written = every_step(str(tmp_path))
    journal = Journal(str(tmp_path))
    journal.write(written)
    journal.write(Steps(directories=[f"{tmp_path}/second"]))
    assert {path.is_symlink() for path in Path(journal.path).iterdir()} == {links}
    written.add(Steps(directories=[f"{tmp_path}/second"]))
    read = Journal(str(tmp_path)).read()
    assert read is not None
    assert vars(read) == vars(written)
    journal.write_done()
    read = Journal(str(tmp_path)).read()
    assert read is not None
    assert read.done
    journal.delete()
    assert list(tmp_path.iterdir()) == []
    assert Journal(str(tmp_path)).read() is None


@pytest.mark.parametrize("place", ["btrfs", "xfs", "ext4", "tmpfs"], indirect=True)
def test_an_entry_of_many_pages_counts_only_with_its_last(place: Path) -> None:
    """The pages are as long as the filesystem lets them be."""
    names = [os.urandom(40).hex() for _ in range(1000)]
    journal = Journal(str(place))
    journal.write(Steps(files=[(f"{place}/lib", names)]))
    pages = sorted(Path(journal.path).iterdir())
    assert len(pages) > 5
    assert all(page.is_symlink() for page in pages)
    assert {len(os.readlink(page)) for page in pages[:-1]} <= {1000, 4000}
    read = journal.read()
    assert read is not None
    assert read.files == [(f"{place}/lib", names)]
    pages[-1].unlink()
    read = journal.read()
    assert read is not None
    assert read.files == []


@pytest.mark.parametrize("text", ["", "damaged", "!!", "eJwDAAAAAAE="])
def test_damage_at_the_end_is_an_entry_never_acted_upon_and_elsewhere_an_error(tmp_path: Path, text: str) -> None:
    journal = Journal(str(tmp_path))
    journal.write(Steps(directories=[f"{tmp_path}/first"]))
    journal.write(Steps(directories=[f"{tmp_path}/second"]))
    first, second = sorted(Path(journal.path).iterdir())
    second.unlink()
    second.write_text(text)
    read = journal.read()
    assert read is not None
    assert read.directories == [f"{tmp_path}/first"]
    first.unlink()
    first.write_text(text)
    with pytest.raises(OSError, match="damaged"):
        journal.read()


def test_a_journal_that_is_being_deleted_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(str(tmp_path))
    journal.write(every_step(str(tmp_path)))
    journal.write_done()
    with monkeypatch.context() as patch:
        # killed while its pages are deleted
        patch.setattr("shutil.rmtree", _fails)
        with pytest.raises(OSError, match="stop"):
            journal.delete()
    again = Journal(str(tmp_path))
    assert again.read() is None
    again.delete()
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_is_a_link_or_of_another_user_is_refused(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    Journal(str(elsewhere)).write(Steps(directories=[f"{elsewhere}/first"]))
    journal = Journal(str(root))
    os.symlink(Journal(str(elsewhere)).path, journal.path)
    with pytest.raises(NotADirectoryError):
        journal.read()
    if os.geteuid() == 0:
        os.unlink(journal.path)
        journal.write(Steps(directories=[f"{root}/first"]))
        os.chown(journal.path, 4242, 4242)
        with pytest.raises(PermissionError, match="another user"):
            journal.read()
        os.chown(root, 4242, 4242)
        assert journal.read() is not None


def _no_links(*_: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def _fails(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, "stop")
