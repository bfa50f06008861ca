"""A bucket in the node's network: bucket.py DIRECTORY PORT FILE; every request becomes a line of FILE."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.models.bucket_server import Content, Handler, Server


class Logged(list):  # type: ignore[type-arg]
    """Requests that are written down as they come."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = Path(file)

    def append(self, request: object) -> None:
        with self.file.open("a", encoding="utf-8") as lines:
            lines.write(f"{vars(request)['path']}\n")


def main() -> None:
    directory, port, file = sys.argv[1:]
    files = {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in Path(directory).rglob("*")
        if path.is_file()
    }
    content = Content(files, asked=Logged(file), pace=0.01)
    Server(("0.0.0.0", int(port)), type("_Handler", (Handler,), {"content": content})).serve_forever()


if __name__ == "__main__":
    main()
