"""Where the files of a wheel go in one environment."""

from collections.abc import Iterator
from typing import NamedTuple

from virtualenv_reflink.cache.file_table import FileTable
from virtualenv_reflink.cache.manifest import Tree
from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.transaction.generated import Generated
from virtualenv_reflink.transaction.supplied import SuppliedWheel
from virtualenv_reflink.transaction.transaction import Transaction


class Placed(NamedTuple):
    """Files of one cached directory of a scheme, and the directory of an environment that they go into.

    ``mtime_ns`` is that of Python sources whose bytecode is checked against it.
    """

    scheme: str
    source: str
    target: str
    table: FileTable
    mtime_ns: int | None


class Layout:
    """The places of one wheel. Its metadata directory is in a staging directory until all is in place."""

    def __init__(self, supplied: SuppliedWheel, environment: Environment) -> None:
        self._supplied = supplied
        self._environment = environment
        metadata = supplied.wheel.metadata
        self._root_scheme, self._dist_info = metadata.root_scheme, metadata.dist_info
        self.library = environment.scheme(metadata.root_scheme, metadata.distribution)
        self.staging = Transaction.staging(self.library)

    @property
    def published(self) -> tuple[str, str]:
        """Where the metadata directory is at first, and where it belongs."""
        return f"{self.staging}/{self._dist_info}", f"{self.library}/{self._dist_info}"

    def target(self, scheme: str, path: str) -> str:
        """Return where a directory or a file of a scheme goes."""
        root = self._scheme(scheme)
        if scheme == self._root_scheme and (path == self._dist_info or path.startswith(f"{self._dist_info}/")):
            root = self.staging
        return f"{root}/{path}" if path else root

    def directories(self, generated: list[Generated]) -> Iterator[Placed]:
        """Yield the directories of the cache; directories come before what is in them.

        Left out are the files whose memory is to be shared. What is ``generated`` takes the place of the file of that
        name.
        """
        left_out = _generated_paths(generated)
        if shared := self._supplied.shared_objects:
            for scheme in shared.schemes:
                left_out[scheme] = {*left_out.get(scheme, ()), *(path for path, _ in shared.files(scheme))}
        for tree in self._supplied.trees:
            yield from self._placed(tree, left_out)

    def shared_objects(self, generated: list[Generated]) -> Iterator[Placed]:
        """Yield the files whose memory is to be shared, in directories among the others."""
        if self._supplied.shared_objects:
            yield from self._placed(self._supplied.shared_objects, _generated_paths(generated))

    def _placed(self, tree: Tree, left_out: dict[str, set[str]]) -> Iterator[Placed]:
        mtime_ns = self._supplied.wheel.tree.mtime_ns if self._supplied.bytecode else None
        for scheme, directories in tree.schemes.items():
            without = left_out.get(scheme, set())
            for directory in directories:
                source = f"{tree.root}/{scheme}/{directory.path}" if directory.path else f"{tree.root}/{scheme}"
                table = directory.without(without)
                yield Placed(scheme, source, self.target(scheme, directory.path), table, mtime_ns)

    def _scheme(self, name: str) -> str:
        return self._environment.scheme(name, self._supplied.distribution)


def _generated_paths(generated: list[Generated]) -> dict[str, set[str]]:
    return {"scripts": {file.path for file in generated if file.scheme == "scripts"}}
