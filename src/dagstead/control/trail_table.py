"""What the trail has of each act of ``control``: one line for every act, and none without.

A row of the trail is for what somebody decides: people, CI jobs, and agents where they administer.
What comes by itself, many times a second, or only shows something, leaves none; refusals always do.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from dagstead.control import trail_words as say
from dagstead.control.trail_words import RowRule


class Quiet(Enum):
    """Why an act leaves no row."""

    VIEW = "It shows something, and changes nothing."
    CHECK = "It checks a right for an act of a surface, which is recorded there."
    WORK = "Agents and user code do it with every poll, heartbeat, start, event or file."
    REPORT = "An agent reports how its work went: releases and runs have it."
    ITSELF = "The control plane does it by itself, to look after runs, requests and rows."
    BESIDE = "It is of the trail itself, which says so where that matters."


#: By group and name, as ``control/all.py`` has them.
TRAIL: Final[Mapping[str, RowRule | Quiet]] = {
    # Deployments and settings.
    "deployments.create": RowRule(place=say.given("name"), on=say.given("name"), by_system=True),
    "deployments.open_branch": RowRule(place=say.of_result, on=say.branch, after=say.opened),
    "deployments.set_settings": RowRule(on=lambda _: "settings", state=say.settings),
    "deployments.delete": RowRule(on=say.deployment, after=say.deleted),
    "deployments.granted": Quiet.VIEW,
    "deployments.named": Quiet.VIEW,
    "deployments.numbered": Quiet.VIEW,
    "deployments.branch_name": Quiet.VIEW,
    "deployments.settings": Quiet.VIEW,
    "deployments.runs_under_way": Quiet.VIEW,
    "deployments.sweep": Quiet.ITSELF,
    "organization.set_settings": RowRule(on=lambda _: "settings", state=say.organization),
    "organization.settings": Quiet.VIEW,
    # Who may do what.
    "tokens.issue": RowRule(on=say.given("name", "token "), after=say.issued, by_system=True),
    "tokens.rotate": RowRule(on=say.given("token_id", "token "), state=say.token),
    "tokens.revoke": RowRule(on=say.given("token_id", "token "), state=say.token),
    "tokens.add_scope": RowRule(on=say.given("token_id", "token "), state=say.token),
    "tokens.remove_scope": RowRule(on=say.given("token_id", "token "), state=say.token),
    "tokens.all": Quiet.VIEW,
    "tokens.agent": Quiet.VIEW,
    "token_reader.of_secret": Quiet.WORK,
    "pool_tokens.renew": RowRule(on=say.given("machine", "pool on "), by_system=True),
    "pool_tokens.revoke": RowRule(on=say.given("machine", "pool on "), by_system=True),
    "trust.add": RowRule(on=say.wanted_policy, after=say.new_policy),
    "trust.remove": RowRule(on=say.given("policy_id", "policy "), state=say.stored_policy),
    "trust.pin": RowRule(on=say.pinned, state=say.pins),
    "trust.exchange": RowRule(
        on=lambda call: f"policy {call['policy'].id}", after=say.issued, who=say.job, by_system=True
    ),
    "trust.all": Quiet.VIEW,
    "trust.pins": Quiet.VIEW,
    "sign_ins.new_link": RowRule(on=lambda _: "sign-in link", by_system=True),
    "sign_ins.end_all": RowRule(
        on=say.given("token_id", "token "), after=lambda call: {"sessions": call.result}
    ),
    "sessions.begin": RowRule(who=say.holder, on=lambda _: "session"),
    "sessions.end": RowRule(who=say.signed_out, on=lambda _: "session"),
    "sessions.use_link": RowRule(who=say.link_user, on=lambda _: "sign-in link", after=say.issued),
    "sessions.holder": Quiet.WORK,
    # Secrets. Their values are in no row.
    "secrets.set": RowRule(on=say.secret, place=say.of_target, after=say.target),
    "secrets.remove": RowRule(on=say.secret, place=say.of_target, after=say.target),
    "secrets.rotate_key": RowRule(on=lambda _: "master key", after=say.keys),
    "secrets.shown": RowRule(
        on=lambda _: "values", who=say.reader, after=say.seen, is_counted=True
    ),
    "secrets.key": Quiet.VIEW,
    "secrets.for_code": Quiet.WORK,
    "secrets.mask": Quiet.WORK,
    "secrets.require_key": Quiet.ITSELF,
    # What is deployed.
    "releases.begin": RowRule(on=say.begun, after=say.release),
    "releases.end": RowRule(on=say.given("number", "release "), after=say.ended),
    "releases.roll_back": RowRule(
        on=lambda call: f"release {call['goal'].number or 'before'}", after=say.release
    ),
    "releases.all": Quiet.VIEW,
    "releases.get": Quiet.VIEW,
    "releases.open": Quiet.ITSELF,
    "releases.plan_rollback": Quiet.VIEW,
    "locations.remove": RowRule(on=say.given("name")),
    "locations.reload": RowRule(on=say.reloaded),
    "locations.all": Quiet.VIEW,
    "locations.get": Quiet.VIEW,
    "locations.manifests": Quiet.VIEW,
    "locations.names": Quiet.VIEW,
    "locations.version": Quiet.VIEW,
    "locations.to_serve": Quiet.WORK,
    "locations.note_importing": Quiet.WORK,
    "locations.remind": Quiet.ITSELF,
    "files.pex_address": RowRule(
        on=say.given("name", "PEX file "), who=say.uploader, is_counted=True
    ),
    "files.stored_pex_files": Quiet.VIEW,
    "files.artifact_to_read": Quiet.WORK,
    "files.artifact_to_write": Quiet.WORK,
    "files.log_address": Quiet.WORK,
    "files.snapshots": Quiet.WORK,
    "signed_files.open": Quiet.WORK,
    "load_reports.snapshots": Quiet.REPORT,
    "load_reports.loaded": Quiet.REPORT,
    "load_reports.failed": Quiet.REPORT,
    # How it runs.
    "pauses.begin": RowRule(on=lambda _: "all runs", state=say.pause),
    "pauses.end": RowRule(on=lambda _: "all runs", state=say.pause),
    "pauses.current": Quiet.ITSELF,
    "queues.set": RowRule(on=say.queue, state=say.stored_queue),
    "queues.pause": RowRule(on=say.queue, state=say.stored_queue),
    "queues.resume": RowRule(on=say.queue, state=say.stored_queue),
    "queues.remove": RowRule(on=say.queue, state=say.stored_queue),
    "queues.all": Quiet.VIEW,
    "queues.get": Quiet.VIEW,
    "storage.sweep": RowRule(on=lambda _: "what is old", after=say.swept),
    "storage.report": Quiet.VIEW,
    "overview.locations": Quiet.VIEW,
    "overview.releases": Quiet.VIEW,
    "overview.changes": Quiet.VIEW,
    "overview.problems": Quiet.VIEW,
    "overview.routes": Quiet.VIEW,
    "health.parts": Quiet.VIEW,
    "agents.forget_gone": RowRule(on=say.given("agent_id", "agent ")),
    "agents.record": Quiet.WORK,
    "agents.listen": Quiet.ITSELF,
    "agents.forget": Quiet.ITSELF,
    "agents.alive": Quiet.VIEW,
    "agents.all": Quiet.VIEW,
    "agents.granted": Quiet.VIEW,
    "agents.of": Quiet.VIEW,
    "agents.shown": Quiet.VIEW,
    "availability.why_refused": Quiet.VIEW,
    "availability.why_unserved": Quiet.VIEW,
    "statuses.all": Quiet.VIEW,
    "statuses.stated": Quiet.VIEW,
    "statuses.heal": Quiet.ITSELF,
    "statuses.note_answered": Quiet.ITSELF,
    "statuses.note_refused": Quiet.ITSELF,
    # Requests and runs. Who launches or ends a run is recorded at the field of the operator's API.
    "requests.answer": Quiet.WORK,
    "requests.begin_launch": Quiet.WORK,
    "requests.take": Quiet.WORK,
    "requests.expire": Quiet.ITSELF,
    "requests.expire_overdue": Quiet.ITSELF,
    "requests.expire_unwanted": Quiet.ITSELF,
    "requests.launches": Quiet.ITSELF,
    "requests.open": Quiet.ITSELF,
    "requests.purge": Quiet.ITSELF,
    "requests.redeliver": Quiet.ITSELF,
    "requests.submit": Quiet.ITSELF,
    "requests.withdraw": Quiet.ITSELF,
    "launches.note_asking": Quiet.WORK,
    "launches.newest": Quiet.VIEW,
    "launches.of_run": Quiet.VIEW,
    "launches.open": Quiet.VIEW,
    "launches.why_out_of_reach": Quiet.VIEW,
    "launches.why_waiting": Quiet.VIEW,
    "launches.worker_reports": Quiet.VIEW,
    "launches.carry_out": Quiet.ITSELF,
    "launches.compare": Quiet.ITSELF,
    "launches.dequeue": Quiet.ITSELF,
    "launches.end": Quiet.ITSELF,
    "launches.end_unsubmitted": Quiet.ITSELF,
    "launches.ended_by_agent_at": Quiet.ITSELF,
    "launches.forget": Quiet.ITSELF,
    "launches.has_silent_workers": Quiet.ITSELF,
    "launches.last_sign": Quiet.ITSELF,
    "launches.note": Quiet.ITSELF,
    "launches.note_shown": Quiet.ITSELF,
    "launches.offer": Quiet.ITSELF,
    "launches.offer_again": Quiet.ITSELF,
    "launches.purge": Quiet.ITSELF,
    "launches.remind": Quiet.ITSELF,
    "launches.see": Quiet.ITSELF,
    "launches.start": Quiet.ITSELF,
    "launches.stop": Quiet.ITSELF,
    "launches.submit": Quiet.ITSELF,
    "launches.unshown": Quiet.ITSELF,
    "dequeues.admit": Quiet.ITSELF,
    "dequeues.look": Quiet.ITSELF,
    "dequeues.put_back": Quiet.ITSELF,
    "questions.ask": Quiet.ITSELF,
    "questions.has_changed": Quiet.ITSELF,
    "reasons.waiting_runs": Quiet.VIEW,
    "reasons.why": Quiet.VIEW,
    "reasons.why_location": Quiet.VIEW,
    "reasons.why_request": Quiet.VIEW,
    "reasons.why_run": Quiet.VIEW,
    "wait_notes.note": Quiet.ITSELF,
    "wait_notes.note_unserved": Quiet.ITSELF,
    "callers.refused": Quiet.VIEW,
    "callers.purge": Quiet.ITSELF,
    "agent_cards.cards": Quiet.VIEW,
    "writes.interrupt_all": Quiet.ITSELF,
    "writes.ledger": Quiet.WORK,
    "writes.purge": Quiet.ITSELF,
    # User code in managed pools.
    "workers.mint": Quiet.WORK,
    "workers.keep": Quiet.WORK,
    "workers.note_making": Quiet.WORK,
    "workers.require_location": Quiet.CHECK,
    "workers.require_log": Quiet.CHECK,
    "workers.require_made": Quiet.CHECK,
    "workers.require_run": Quiet.CHECK,
    "workers.sweep": Quiet.ITSELF,
    "dagster_data.computes_states": Quiet.CHECK,
    "dagster_data.require_all": Quiet.CHECK,
    "dagster_data.require_assets": Quiet.CHECK,
    "dagster_data.require_locations": Quiet.CHECK,
    "dagster_data.require_new_run": Quiet.CHECK,
    "dagster_data.require_runs": Quiet.CHECK,
    # The trail.
    "trail.find": Quiet.VIEW,
    "trail.verify": Quiet.VIEW,
    "trail.prune": Quiet.BESIDE,
    "trail.settle": Quiet.BESIDE,
    "trail.write_down": Quiet.BESIDE,
    "trail.keep_sinks": Quiet.ITSELF,
    "trail.waiting": Quiet.ITSELF,
    "trail.note_sent": Quiet.ITSELF,
    "trail.note_failing": Quiet.ITSELF,
}
