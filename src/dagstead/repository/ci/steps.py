"""The steps of one job, followed in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dagstead.model.nodes import Node
from dagstead.model.source import Position
from dagstead.repository.ci.action_steps import DEFAULT_FILE, action_act, file_of, outputs_of
from dagstead.repository.ci.acts import Act, ActKind, Tool
from dagstead.repository.ci.commands import Command, command_in, command_of, is_opaque
from dagstead.repository.ci.image_builds import ImageBuild, built_by_action, built_by_command
from dagstead.repository.ci.image_pushes import ImageShelf, PushedImage
from dagstead.repository.ci.model import Event, Job, LocalAction, Step
from dagstead.repository.ci.positions import place
from dagstead.repository.ci.references import Reference, reference
from dagstead.repository.ci.scopes import Scope, in_repository
from dagstead.repository.ci.scripts_read import ScriptAct, script_acts
from dagstead.repository.ci.shell import Call, calls_of
from dagstead.repository.ci.shell_folders import ShellFolder

_MOST_CALLS = 4
#: Parts of the official action that run a command which they are given.
CLI_PARTS: Mapping[str, Tool] = {
    "actions/utils/dagster-cloud-cli": Tool.CLI,
    "actions/utils/dg-cli": Tool.DG,
}


@dataclass(frozen=True, kw_only=True)
class StepsOutcome:
    """What the steps did, and what is known behind them."""

    acts: tuple[Act, ...]
    scope: Scope
    #: With paths relative to the root of the repository.
    images: tuple[ImageBuild, ...] = ()
    pushed: tuple[PushedImage, ...] = ()


@dataclass(kw_only=True)
class StepFollower:
    """Follows steps; made anew for each run of a job."""

    job: Job
    actions: Mapping[str, LocalAction]
    scope: Scope
    folder: str
    checkouts: tuple[str, ...] = ()
    is_lost: bool = False
    depth: int = 0
    #: Files that a step has rendered, and what from.
    rendered: dict[str, str | None] = field(default_factory=dict)
    #: Checkouts of other repositories, by their folder.
    foreign: dict[str, Reference] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    images: list[ImageBuild] = field(default_factory=list)
    shelf: ImageShelf = field(default_factory=ImageShelf)
    pushed: list[PushedImage] = field(default_factory=list)
    outputs: dict[tuple[str, str], Any] = field(default_factory=dict)
    #: The shell that all lines of a job of GitLab share.
    shell: ShellFolder | None = None

    def follow(self, steps: tuple[Step, ...] | None = None) -> StepsOutcome:
        """Follow the steps of the job, or of a composite action that it calls."""
        for step in self.job.steps if steps is None else steps:
            scope = replace(self.scope, steps=self.outputs)
            holds = scope.condition(step.condition)
            if holds is not False:
                self._step(
                    step, replace(scope, env=scope.env_with(step.env)), certain=holds is True
                )
            elif step.id:
                for name in ("result", "build_info"):
                    self.outputs.setdefault((step.id, name), "")
        scope = replace(self.scope, steps=self.outputs)
        return StepsOutcome(
            acts=tuple(self.acts),
            scope=scope,
            images=tuple(self.images),
            pushed=tuple(self.pushed),
        )

    def _step(self, step: Step, scope: Scope, *, certain: bool) -> None:
        if step.run is not None and step.run.text:
            self.acts += self._script(step, step.run, scope, certain=certain)
        if step.uses is not None and step.uses.text:
            found = reference(step.uses.text, rest_of_line(step.uses))
            if found is not None:
                self._uses(found, step, scope, certain=certain)

    def _uses(self, named: Reference, step: Step, scope: Scope, *, certain: bool) -> None:
        # The working-directory of `defaults` is for the scripts of the job alone.
        before, self.folder = self.folder, "."
        self._action_step(self._checked_out(named), step, scope, certain=certain)
        self.folder = before

    def _action_step(self, found: Reference, step: Step, scope: Scope, *, certain: bool) -> None:
        if found.name.startswith("./"):
            self._composite(found, step, scope)
        elif found.name == "actions/checkout":
            self._checkout(step, scope)
        elif found.name == "actions/download-artifact":
            # It may bring a configuration that an earlier job has made.
            self.is_lost = True
        elif found.part in CLI_PARTS:
            self.acts += self._command_input(found, step, scope, certain=certain)
        else:
            self._action(found, step, scope, certain=certain)

    def _action(self, found: Reference, step: Step, scope: Scope, *, certain: bool) -> None:
        if found.part.endswith("/prerun"):
            self.checkouts = (*self.checkouts, "prerun_checkout_dir")
        self._note_image(built_by_action(found, step, scope), folder="")
        for name, built in self.shelf.action(found, step, scope, self._placing("")):
            at = (step.input("tags") or step.node).position
            self._push(name, built, at, step, certain=certain)
        done = action_act(found, step, scope)
        if done is None:
            return
        file = done.file if done.is_resolved else self._file(done.file)
        if step.id:
            for name, value in outputs_of(found, scope, file):
                self.outputs[step.id, name] = value
        self.acts.append(
            Act(
                does=done.does,
                by=done.by,
                tool=Tool.ACTION if found.is_official else Tool.OTHER,
                position=(step.uses or step.node).position,
                chosen=done.chosen,
                strategy=done.strategy,
                file=file,
                folder=".",
                certain=certain,
                condition=_written(step.condition),
                env=scope.env,
                options=_inputs(step, scope),
                reference=found,
                images=done.images,
            )
        )

    def _command_input(
        self, found: Reference, step: Step, scope: Scope, *, certain: bool
    ) -> Iterator[Act]:
        """What the command of ``dagster-cloud-cli`` or ``dg-cli`` does: it is pasted into bash."""
        node = step.input("command")
        if node is None or not node.text:
            return
        tool = CLI_PARTS[found.part]
        for call in calls_of(node.text, dict(scope.env), scope.fill):
            command = command_in(tool, call.words)
            if command is not None:
                act = self._commanded(command, call, step, node, certain=certain)
                program = Tool.ACTION if tool is Tool.CLI else Tool.DG
                yield replace(act, reference=found, tool=program, folder=".")

    def _script(self, step: Step, node: Node, scope: Scope, *, certain: bool) -> Iterator[Act]:
        script = node.text or ""
        variables = dict(scope.env)
        before = self.folder
        shell = self.shell or ShellFolder(folder=scope.shell_text(step.directory) or self.folder)
        for call in calls_of(script, variables, scope.fill):
            self.folder = shell.enter(call)
            command = command_of(call.words)
            self._note_image(built_by_command(call.words), folder=self.folder)
            for name, built in self.shelf.call(call, self._placing(self.folder)):
                at = place(node, call.start, call.end)
                self._push(name, built, at, step, certain=certain)
            if command is not None:
                yield self._commanded(command, call, step, node, certain=certain)
            elif shell.moves(call):
                continue
            elif is_opaque(call.words):
                yield self._plain(
                    ScriptAct(
                        does=ActKind.OPAQUE, by=call.words[0] or "a variable", start=call.start
                    ),
                    step,
                    node,
                    scope,
                    certain=certain,
                )
        for each in script_acts(script):
            yield self._plain(each, step, node, scope, certain=certain)
        if self.job.one_shell:
            self.scope = replace(self.scope, env=variables)
            self.folder, self.shell = shell.leave(), shell
        else:
            self.folder = before

    def _plain(
        self, found: ScriptAct, step: Step, node: Node, scope: Scope, *, certain: bool
    ) -> Act:
        return Act(
            does=found.does,
            by=found.by,
            tool=Tool.OTHER,
            position=place(node, found.start, found.start + len(found.by)),
            certain=certain,
            condition=_written(step.condition),
            env=scope.env,
        )

    def _commanded(
        self, command: Command, call: Call, step: Step, node: Node, *, certain: bool
    ) -> Act:
        file = self._file(file_option(command))
        if command.does is ActKind.RENDER:
            for each in call.outputs:
                if each is not None:
                    self.rendered[self._path(each) or each] = file
        does = command.does
        if command.by == "ci branch-deployment" and self._is_closing_on_github:
            # There it takes the state of the pull request from the event.
            does = ActKind.CLOSE
        return Act(
            does=does,
            by=command.by,
            tool=command.tool,
            position=place(node, call.start, call.end),
            chosen=command.chosen,
            strategy=command.strategy,
            file=file,
            folder=self._path("."),
            certain=certain,
            condition=_written(step.condition),
            env=call.variables,
            options=command.options,
        )

    @property
    def _is_closing_on_github(self) -> bool:
        return self.scope.event is Event.CLOSE and not self.job.one_shell

    def _composite(self, found: Reference, step: Step, scope: Scope) -> None:
        action = self.actions.get(found.name.removeprefix("./"))
        if action is None or self.depth >= _MOST_CALLS:
            return
        inputs = {
            name: scope.value(step.input(name) or default)
            for name, default in action.inputs.items()
            if step.input(name) or default
        }
        inner = StepFollower(
            job=self.job,
            actions=self.actions,
            scope=replace(scope, inputs=inputs),
            folder=self.folder,
            checkouts=self.checkouts,
            is_lost=self.is_lost,
            depth=self.depth + 1,
            rendered=self.rendered,
            acts=self.acts,
            images=self.images,
            shelf=self.shelf,
            pushed=self.pushed,
        )
        inner.follow(action.steps)

    def _checkout(self, step: Step, scope: Scope) -> None:
        path = (scope.text(step.input("path")) or "").removeprefix("./").strip("/")
        repository = scope.text(step.input("repository"))
        is_other = step.input("repository") is not None and not path
        if is_other or (step.input("path") is not None and not path):
            # Nobody knows from here which files are where.
            self.is_lost = True
        if path and step.input("repository") is None:
            self.checkouts = (*self.checkouts, path)
        elif path and repository:
            self.foreign[path] = Reference(name=repository, ref=_ref(step, scope))

    def _checked_out(self, named: Reference) -> Reference:
        """The action of another repository that a step before has checked out."""
        for folder, found in self.foreign.items():
            if named.name.startswith(f"./{folder}/"):
                return replace(found, name=f"{found.name}/{named.name[len(folder) + 3 :]}")
        return named

    def _file(self, path: str | None) -> str | None:
        found = self._path(path)
        return self.rendered.get(found, found) if found is not None else None

    def _note_image(self, built: ImageBuild | None, *, folder: str) -> None:
        if built is not None and not self.is_lost:
            self.images.append(self._placing(folder)(built))

    def _placing(self, folder: str) -> Callable[[ImageBuild], ImageBuild]:
        """Makes paths that a step names in a folder relative to the root of the repository."""

        def placed(built: ImageBuild) -> ImageBuild:
            if self.is_lost:
                return ImageBuild(dockerfile=None, context=None)
            dockerfile, context = (
                in_repository(path, folder=folder, checkouts=self.checkouts)
                for path in (built.dockerfile, built.context)
            )
            return replace(built, dockerfile=dockerfile, context=context)

        return placed

    def _push(
        self, name: str, built: ImageBuild | None, at: Position, step: Step, *, certain: bool
    ) -> None:
        condition = _written(step.condition)
        self.pushed.append(
            PushedImage(
                reference=name, built=built, position=at, certain=certain, condition=condition
            )
        )

    def _path(self, path: str | None) -> str | None:
        if self.is_lost:
            return None
        return in_repository(path, folder=self.folder, checkouts=self.checkouts)


def file_option(command: Command) -> str | None:
    """The configuration file, or the folder, that a command names or takes by default."""
    options = command.options
    if command.tool is Tool.DG:
        return options.get("--target-path", ".")
    if command.tool is Tool.DAGSTEAD:
        return command.arguments[0] if command.arguments else "."
    for name in ("--location-file", "--workspace", "-w", "--locations"):
        if name in options:
            return options[name]
    if command.by not in {"ci init", "ci check", "ci template"}:
        return None
    directory = options.get("--project-dir", ".")
    file = options.get("--dagster-cloud-yaml-path", DEFAULT_FILE)
    return file_of(directory, file)


def _ref(step: Step, scope: Scope) -> str:
    return scope.text(step.input("ref")) or "main"


def _inputs(step: Step, scope: Scope) -> dict[str, str | None]:
    entries = () if step.inputs is None else step.inputs.entries
    return {each.key.text: scope.text(each.value) for each in entries if each.key.text}


def _written(node: Node | None) -> str:
    return "" if node is None or node.value is None else str(node.value)


def rest_of_line(node: Node) -> str:
    """What stands behind a value in its line: a comment, if anything."""
    text = node.source.text
    end = text.find("\n", node.end)
    return text[node.end : len(text) if end < 0 else end]
