"""Files of agents that nothing can read."""

from __future__ import annotations

import re

from dagstead.model.agents import Agent, Setting
from dagstead.model.families import Family
from dagstead.repository.agents.inline import documents_of
from dagstead.repository.agents.marks import is_named_in
from dagstead.repository.agents.scan import AgentScan, Mistake, Slip
from dagstead.repository.files.families import is_program
from dagstead.repository.files.project import ConfigFile, Project
from dagstead.routing.remarks import Remark, Weight

_HCL = (".tf", ".hcl")
#: A file with these is rendered by another program before anything reads it.
_TEMPLATE = re.compile(r"\{\{|\{%|<%|\$\{|^#@", re.MULTILINE)


def unreadable_files(project: Project) -> AgentScan:
    """Agents of which nothing is known but their file; a mistake where no program renders it."""
    families = (Family.AGENT, Family.HELM, Family.INSTALLATION)
    found = (_read(each) for each in project.files_of(*families) if not each.path.endswith(_HCL))
    return sum(found, AgentScan())


def _read(file: ConfigFile) -> AgentScan:
    if is_program(file.path):
        return named_only(file)
    roots, problem = documents_of(file)
    if problem is None or roots:
        return AgentScan()
    is_template = _TEMPLATE.search(file.source.text) is not None
    if file.family is Family.INSTALLATION or is_template:
        return named_only(file)
    position = file.source.position(problem.start, problem.end)
    slip = Slip(
        mistake=Mistake.UNREADABLE,
        message=f"this cannot be read: {problem.message}",
        advice="Put quotes around a text with ': ' or '#', and check the indentation",
        position=position,
    )
    remark = Remark(
        name="unreadable",
        weight=Weight.ERROR,
        message=slip.message,
        advice=slip.advice,
        position=position,
        code=str(slip.mistake),
    )
    return AgentScan(
        agents=(_agent(file, slip.message, starts=False),), remarks=(remark,), slips=(slip,)
    )


def named_only(file: ConfigFile) -> AgentScan:
    """An agent of which nothing is known, where the text of a file names its chart or image."""
    if not is_named_in(file.source.text):
        return AgentScan()
    because = f"{file.path} installs an agent in a form that is not read"
    return AgentScan(agents=(_agent(file, because, starts=True),))


def _agent(file: ConfigFile, because: str, *, starts: bool) -> Agent:
    return Agent(
        name=file.path,
        queues=frozenset(),
        position=file.start,
        unknown=frozenset(Setting),
        unknown_because=because,
        starts=starts,
    )
