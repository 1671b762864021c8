"""``dagstead alerts``: which alerts are sent where, what fires, and what was sent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagstead.cli.administration import LARGEST_ID, administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.options.pauses import PauseFlags
from dagstead.cli.options.queue import moment_ahead
from dagstead.cli.options.target import DeploymentOption, deployment_of
from dagstead.cli.output import Format, FormatOption, moment, print_rows, say
from dagstead.cli.yaml_files import read_yaml

if TYPE_CHECKING:
    from dagstead.cli.control_plane import AlertActs
    from dagstead.client.alerts import BrokenAlertPolicy, ListedAlertPolicy, ListedDelivery

app = typer.Typer(
    help="Say which alerts are sent where, try it, and silence them.", no_args_is_help=True
)

PolicyArgument = Annotated[str, typer.Argument(metavar="POLICY", help="Name of the policy.")]
OfficialOption = Annotated[
    bool,
    typer.Option(
        "--official", help="The document that the official commands sync, in place of our own."
    ),
]

_LOOK_SECONDS = 0.5
_WAITING, _SENT = "waiting", "sent"


@app.command("list")
@administers
def list_(
    plane: Administration,
    *,
    deployment: DeploymentOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List alert policies of both documents: where they send, what fires, what was sent last.

    For example: `dagstead alerts list --deployment prod`
    """
    board = plane.alerts(deployment_of(deployment)).board(0)
    empty = "There are no alert policies. Write some, and store them with `dagstead alerts sync`."
    rows = [*map(_row, board.policies), *map(_broken_row, board.unreadable)]
    print_rows(rows, format_, empty=empty)
    names = {policy.id: policy.name for policy in board.policies}
    names |= {policy.id: policy.name for policy in board.unreadable}
    for each in board.silences:
        which = "all policies" if each.policy_id is None else f"{names.get(each.policy_id)!r}"
        note = "" if each.note is None else f": {each.note}"
        say(
            f"Silence {each.id} holds back {which} until {moment(each.until)}, by {each.by}{note}.",
            err=True,
        )


@app.command()
@administers
def show(
    plane: Administration,
    policy: PolicyArgument,
    *,
    deployment: DeploymentOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Show what fires now for a policy, and since when.

    For example: `dagstead alerts show on-call`
    """
    found = _policy(plane.alerts(deployment_of(deployment)), policy)
    rows = [
        {
            "event": each.event,
            "what": each.title,
            "why": each.says,
            "since": moment(each.since),
        }
        for each in found.firing
    ]
    print_rows(rows, format_, empty=f"Nothing fires for {found.name!r}.")


@app.command()
@administers
def deliveries(
    plane: Administration,
    *,
    most: Annotated[
        int, typer.Option("--most", min=1, max=500, help="So many, the newest ones.")
    ] = 20,
    deployment: DeploymentOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List the messages that were sent, wait, or did not arrive, with the reason.

    For example: `dagstead alerts deliveries --most 50`
    """
    board = plane.alerts(deployment_of(deployment)).board(most)
    rows = [_delivery_row(each) for each in board.deliveries]
    print_rows(rows, format_, empty="No message was sent yet.")


@app.command()
@administers
def export(
    plane: Administration,
    *,
    official: OfficialOption = False,
    deployment: DeploymentOption = None,
) -> None:
    """Print a document of alert policies as YAML, for `dagstead alerts sync`.

    With a token that may not change them, secrets are left out.

    For example: `dagstead alerts export > alerts.yaml`
    """
    import yaml

    from dagstead.plane.alert_documents import OFFICIAL_KEY, OWN_KEY

    found = plane.alerts(deployment_of(deployment)).document(_kind(official))
    key = OFFICIAL_KEY if official else OWN_KEY
    document = {key: [dict(each) for each in found]}
    say(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), end="")


@app.command()
@administers
def sync(
    plane: Administration,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="YAML; - reads it from standard input.")
    ],
    *,
    official: OfficialOption = False,
    deployment: DeploymentOption = None,
) -> None:
    """Store a document of alert policies. Policies that it does not name are removed.

    A deployment has two documents. The official commands sync one of them, and `--official` does
    the same; what only Dagstead has stands in the other one, which they never change.

    For example: `dagstead alerts sync alerts.yaml --deployment prod`
    """
    from dagstead.errors import InvalidInputError
    from dagstead.plane.alert_documents import OFFICIAL_KEY, OWN_KEY

    document = read_yaml(file)
    if document is None:
        key = OFFICIAL_KEY if official else OWN_KEY
        msg = f"{file} is empty. To remove all policies, write `{key}: []`."
        raise InvalidInputError(msg)
    names = plane.alerts(deployment_of(deployment)).sync(_kind(official), document)
    say(f"Synced {len(names)} alert policies: {', '.join(names) or 'none'}.", err=True)


@app.command("test")
@administers
def try_(
    plane: Administration,
    policy: PolicyArgument,
    *,
    wait: Annotated[
        int, typer.Option("--wait", min=0, max=600, help="So many seconds to wait for the result.")
    ] = 30,
    deployment: DeploymentOption = None,
) -> None:
    """Send a message that only tries a policy, and say whether it has arrived.

    For example: `dagstead alerts test on-call`
    """
    alerts = plane.alerts(deployment_of(deployment))
    found = alerts.test(policy)
    deadline = time.monotonic() + wait
    while found.state == _WAITING and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)  # noqa: TID251 - the daemon is another process
        found = alerts.delivery(found.id)
    if found.state == _SENT:
        say(f"It has arrived, as {found.id}.", err=True)
        return
    if found.state == _WAITING:
        say(
            f"It waits as {found.id}: the daemon that leads sends it. See `dagstead alerts "
            "deliveries`.",
            err=True,
        )
    else:
        say(f"It did not arrive: {found.error}", err=True)
    raise typer.Exit(code=1)


@app.command()
@administers
def silence(
    plane: Administration,
    policy: Annotated[
        str | None, typer.Argument(metavar="[POLICY]", help="Only this one; else all of them.")
    ] = None,
    *,
    flags: PauseFlags,
    deployment: DeploymentOption = None,
) -> None:
    """Hold messages back for a time. What still fires when it is over is sent then.

    For example: `dagstead alerts silence on-call --until 2h --note "Moving the cluster"`
    """
    from dagstead.errors import InvalidInputError

    until = moment_ahead("--until", flags.until)
    if until is None:
        msg = "Until when? Give a length of time or a time, such as --until 2h."
        raise InvalidInputError(msg)
    made = plane.alerts(deployment_of(deployment)).silence(policy, until, flags.note)
    say(f"Silence {made.id} holds until {moment(made.until)}.", err=True)


@app.command("end-silence")
@administers
def end_silence(
    plane: Administration,
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", min=1, max=LARGEST_ID, help="Of the silence.")
    ],
    *,
    deployment: DeploymentOption = None,
) -> None:
    """End a silence before its time.

    For example: `dagstead alerts end-silence 3`
    """
    plane.alerts(deployment_of(deployment)).end_silence(number)
    say("Messages are sent again.", err=True)


def _kind(official: bool) -> str:  # noqa: FBT001 - as the option gives it
    return "official" if official else "own"


def _policy(alerts: AlertActs, name: str) -> ListedAlertPolicy:
    from dagstead.errors import NotFoundError

    policies = alerts.board(0).policies
    for each in policies:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in policies) or "none"
    msg = f"There is no alert policy {name!r}. There are: {names}."
    raise NotFoundError(msg)


def _row(policy: ListedAlertPolicy) -> Mapping[str, Any]:
    last = policy.last
    return {
        "policy": policy.name,
        "document": policy.document,
        "enabled": policy.is_enabled,
        "events": list(policy.events),
        "to": f"{policy.service}: {policy.destination}",
        "firing": len(policy.firing),
        "silenced_until": moment(policy.silenced_until),
        "last": None if last is None else f"{last.state} {moment(last.sent_at or last.created_at)}",
        "error": None if last is None else last.error,
    }


def _broken_row(policy: BrokenAlertPolicy) -> Mapping[str, Any]:
    return {
        "policy": policy.name,
        "document": policy.document,
        "enabled": None,
        "events": [],
        "to": None,
        "firing": 0,
        "silenced_until": None,
        "last": "cannot be read",
        "error": policy.says,
    }


def _delivery_row(delivery: ListedDelivery) -> Mapping[str, Any]:
    first = delivery.titles[0] if delivery.titles else ""
    more = delivery.total - 1
    return {
        "id": delivery.id,
        "policy": delivery.policy,
        "state": delivery.state,
        "about": f"{first} and {more} more" if more > 0 else first,
        "made": moment(delivery.created_at),
        "sent": moment(delivery.sent_at),
        "tries": delivery.tries,
        "error": delivery.error,
    }
