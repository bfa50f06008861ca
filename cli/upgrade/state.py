"""An upgrade with everything that its steps need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cli.output.plan.words import step_text
from models.service.resolve import resolve
from models.service.resolved import ResolvedStack
from models.stack_file.load import load_text
from plan.progress import Progress, write_progress
from plan.stack_files import StackFile, text_after, text_before, undone
from plan.step import Step


@dataclass(frozen=True)
class Upgrade:
    """An upgrade with everything that its steps need."""

    progress: Progress
    file: Path
    """The file with the progress."""
    project: Path
    stack: ResolvedStack
    """The wanted stack."""
    old: StackFile
    new: StackFile
    key_file: Path | None = None
    """A file with the API key of the services that are compared."""

    @property
    def last(self) -> int:
        """The number of the last step, which applies the stack file itself."""
        return len(self.progress.steps) + 1

    def saved(self, **changes: object) -> Upgrade:
        """The upgrade after its progress was written."""
        progress = replace(self.progress, **changes)  # type: ignore[arg-type]  # the fields of Progress
        write_progress(self.file, progress)
        return replace(self, progress=progress)

    def title(self, number: int) -> str:
        """What a step does."""
        if number == self.last:
            return "apply the stack file"
        return step_text(self.progress.steps[number - 1])

    def text(self, target: int, *, is_back: bool) -> str:
        """The stack file after a number of steps, or on the way back to it."""
        if target == 0:
            return text_before(self.old)
        steps = self.progress.steps
        step = steps[target - 1]
        if is_back and target < len(steps):
            step = undone(steps[target], before=step)
        return text_after(self.old, self.new, step)

    def stack_after(self, step: Step) -> ResolvedStack:
        """The stack after a step."""
        text = text_after(self.old, self.new, step)
        loaded = load_text(self.stack.name, self.stack.file, text, project=self.project)
        return resolve(loaded)

    def report(self, service: str) -> Path:
        """The file for the report about the comparison of a service."""
        return self.file.with_name(f"Pulumi.{self.stack.name}.{service}.compare.json")
