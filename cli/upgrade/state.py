"""An upgrade with everything that its steps need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cli.output.plan.words import step_text
from cli.upgrade.kept_files import reading
from models.service.resolve import resolve
from models.service.resolved import ResolvedStack
from models.stack_file.load import load_text
from plan.kept_values import kept_files
from plan.progress import Progress, write_progress
from plan.stack_files import text_after, text_before, undone
from plan.step import Step
from plan.whole_stack_file import StackFile


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

    def marker(self, number: int) -> str:
        """What the messages of a step have in the history of the stack, and no others."""
        identity = self.progress.identity
        return f"(ascend-vllm upgrade {identity}, step {number} of {self.last})"

    def message(self, number: int, *, is_back: bool) -> str:
        """What the history of the stack says about a step. A switch against a verdict has the reason of the user."""
        text = self.title(number)
        if number < self.last:
            step = self.progress.steps[number - 1]
            reason = self.progress.promoted.get(step.service)
            if step.kind == "switch" and reason is not None:
                text += f" although compare held it: {reason}"
        if is_back:
            text = f"undo {text}"
        return f"{text} {self.marker(number)}"

    def text(self, target: int, *, is_back: bool) -> str:
        """The stack file after a number of steps, or on the way back to it."""
        if target == 0:
            return text_before(self.old, self.new)
        steps = self.progress.steps
        step = steps[target - 1]
        if is_back and target < len(steps):
            step = undone(steps[target], before=step)
        return text_after(self.old, self.new, step)

    def stack_before(self) -> ResolvedStack:
        """The stack before the first step."""
        return self._stack(text_before(self.old, self.new))

    def stack_after(self, step: Step) -> ResolvedStack:
        """The stack after a step."""
        return self._stack(text_after(self.old, self.new, step))

    def _stack(self, text: str) -> ResolvedStack:
        """The stack of a text in place of its stack file."""
        read = reading(Path(self.stack.file).parent, self.kept_files())
        name = self.stack.name
        file = self.stack.file
        return resolve(load_text(name, file, text, project=self.project, read=read))

    def kept_files(self) -> Mapping[str, str]:
        """The texts of the named files that services keep until their step, by their names next to the stack file."""
        return kept_files(self.old, self.new)

    def report(self, service: str) -> Path:
        """The file for the report about the comparison of a service."""
        return self.file.with_name(f"Pulumi.{self.stack.name}.{service}.compare.json")
