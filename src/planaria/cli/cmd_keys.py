"""`planaria keys`: who can read, and whether that has been tried."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from planaria.cli.invocation import Invocation
from planaria.cli.output import error_json, second
from planaria.cli.secret_files import ask_passphrase, read_secret, write_secret
from planaria.core.errors import SafetyRefusal, UsageError

keys = typer.Typer(help="Who can read the repository.", rich_markup_mode=None)

NewFile = Annotated[Path | None, typer.Option("--new", metavar="FILE", help="Make an identity, and keep it in FILE.")]


@keys.command(name="list")
def list_(context: typer.Context) -> int:
    """List keys and whom they are sealed to."""
    invocation: Invocation = context.obj
    from planaria.repository.sealed_keys import list_keys

    found, damage = list_keys(invocation.environment().repository)
    output = invocation.output
    opens = {None: "-", True: "yes", False: "NO"}
    output.table(
        ("KEY", "MADE", "WE OPEN IT", "COVERS", "SEALED TO"),
        [
            (one.id[:16], second(one.created_at), opens[one.opens], one.covers, " ".join(map(_brief, one.recipients)))
            for one in found
        ],
    )
    for error in damage:
        output.complain(error.message)
    rows = [
        {
            "id": one.id,
            "component": one.component or None,
            "created_at": one.created_at,
            "covers": one.covers,
            "recipients": list(one.recipients),
            "objects": list(one.objects),
            "opens": one.opens,
        }
        for one in found
    ]
    output.finish("keys list", {"keys": rows}, [error_json(error) for error in damage], ok=not damage)
    return 5 if damage else 0


@keys.command()
def add(
    context: typer.Context,
    recipient: Annotated[
        str | None,
        typer.Argument(metavar="RECIPIENT", help="Who shall read too: key:x25519:…, passphrase:…"),
    ] = None,
    new: NewFile = None,
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="Make a recipient of a passphrase, which is asked for.")
    ] = False,
) -> int:
    """Let somebody more read all that is and all that comes."""
    invocation: Invocation = context.obj
    from planaria.repository.key_admin import add_recipient
    from planaria.repository.recipients import new_identity, parse_recipient, passphrase_recipient
    from planaria.service.system_clock import system_randomness

    if [recipient is not None, new is not None, passphrase].count(True) != 1:
        raise UsageError("name one: a recipient, --new FILE or --passphrase", hint="planaria keys add --help")
    environment = invocation.environment()
    if recipient is not None:
        wanted = parse_recipient(recipient)
    elif new is not None:
        text, wanted = new_identity(system_randomness)
        write_secret(new, text)
    else:
        wanted = passphrase_recipient(ask_passphrase(twice=True), system_randomness)
    added = add_recipient(environment.repository, wanted)
    notes = _pinned(environment.settings.repository.recipients, [wanted.text])
    output = invocation.output
    output.say(wanted.text)
    output.say(f"{added.sealed} keys sealed to it now, {added.already} were already")
    for note in notes:
        output.warn(note)
    result = {"recipient": wanted.text, "sealed": added.sealed, "already": added.already, "notes": notes}
    output.finish("keys add", result | {"identity": str(new) if new else None})
    return 0


@keys.command()
def rotate(
    context: typer.Context,
    recipients: Annotated[list[str], typer.Argument(metavar="RECIPIENT", help="All who shall read what comes.")],
) -> int:
    """From now on, seal to these recipients and to nobody else."""
    invocation: Invocation = context.obj
    from planaria.repository.key_admin import rotate as rotate_to
    from planaria.repository.recipients import parse_recipient

    environment = invocation.environment()
    rotated = rotate_to(environment.repository, [parse_recipient(text) for text in recipients])
    pinned = _pinned(environment.settings.repository.recipients, rotated.recipients, exactly=True)
    notes = [*rotated.notes, *pinned]
    output = invocation.output
    for text in rotated.recipients:
        output.say(f"reads what comes:  {text}")
    for text in rotated.left:
        output.say(f"reads the past:    {text}")
    for note in notes:
        output.warn(note)
    result = {"recipients": list(rotated.recipients), "left": list(rotated.left), "notes": notes}
    output.finish("keys rotate", result)
    return 0


@keys.command()
def escrow(
    context: typer.Context,
    sheet: Annotated[Path, typer.Argument(metavar="SHEET", help="A new file: to be printed, and then destroyed.")],
) -> int:
    """Make a key that exists on paper only."""
    invocation: Invocation = context.obj
    from planaria.repository.escrow import escrow_sheet
    from planaria.repository.key_admin import add_recipient
    from planaria.repository.recipients import new_identity
    from planaria.service.system_clock import system_randomness

    if sheet.exists():
        raise SafetyRefusal(f"{sheet} exists already", hint="move it away, or name another file")
    environment = invocation.environment()
    text, recipient = new_identity(system_randomness)
    add_recipient(environment.repository, recipient)
    write_secret(sheet, escrow_sheet(environment.repository, text).removesuffix("\n"))
    notes = _pinned(environment.settings.repository.recipients, [recipient.text])
    output = invocation.output
    output.say(f"{sheet} holds an identity that is nowhere else: print it, put it in a safe, destroy the file.")
    output.say("Then type it in again from the paper, and prove it:  planaria keys test --sheet COPY")
    for note in notes:
        output.warn(note)
    output.finish("keys escrow", {"sheet": str(sheet), "recipient": recipient.text, "notes": notes})
    return 0


@keys.command(name="test")
def try_(
    context: typer.Context,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="FILE", help="A recovery sheet, as it was typed in from paper.")
    ] = None,
    identity: Annotated[
        Path | None, typer.Option("--identity", metavar="FILE", help="An identity that is kept elsewhere.")
    ] = None,
    passphrase: Annotated[bool, typer.Option("--passphrase", help="A passphrase, which is asked for.")] = False,
) -> int:
    """Prove that an identity opens everything: the configured one, or another."""
    invocation: Invocation = context.obj
    from planaria.repository.escrow import prove_sheet
    from planaria.repository.key_proof import prove_identity
    from planaria.service import escrow as escrowed
    from planaria.service.environment import opened_by

    if [sheet is not None, identity is not None, passphrase].count(True) > 1:
        raise UsageError("one identity at a time", hint="planaria keys test --help")
    environment = invocation.environment()
    if sheet is not None:
        proofs = prove_sheet(environment.repository, read_secret(sheet))
    elif identity is not None:
        proofs = prove_identity(opened_by(environment, read_secret(identity)))
    elif passphrase:
        proofs = prove_identity(opened_by(environment, f"passphrase:{ask_passphrase()}"))
    else:
        proofs = prove_identity(environment.repository)
    output = invocation.output
    wrong = [one for one in proofs if one.problem]
    for one in proofs:
        output.say(f"{'NOT' if one.problem else 'ok '} {one.id[:16]:<16}  {one.problem or one.read or 'nothing yet'}")
    output.say(f"{len(proofs)} keys, {len(wrong) or 'none'} failed")
    if not wrong and (sheet is not None or identity is not None or passphrase):
        escrowed.proven(environment, invocation.clock.now(), "sheet" if sheet else "identity")
    rows = [
        {"id": one.id, "component": one.component or None, "read": one.read, "problem": one.problem} for one in proofs
    ]
    output.finish("keys test", {"keys": rows}, ok=not wrong)
    return 1 if wrong or not proofs else 0


@keys.command()
def writer(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; bring it to the host that only writes.")],
) -> int:
    """Write the key for hosts that write and read nothing back."""
    invocation: Invocation = context.obj
    write_secret(file, invocation.environment().repository.keys.writer_text())
    invocation.output.say(f"{file}: set repository.writer_key to it there, and no identity")
    invocation.output.finish("keys writer", {"file": str(file)})
    return 0


def _brief(recipient: str) -> str:
    return recipient if len(recipient) <= 28 else f"{recipient[:28]}…"


def _pinned(configured: Sequence[str], wanted: Sequence[str], *, exactly: bool = False) -> list[str]:
    """Hosts whose configuration names recipients obey it, whatever the repository says: a stolen host adds nobody."""
    missing = [text for text in wanted if text not in configured]
    added = [text for text in configured if text not in wanted] if exactly else []
    notes = [f"add {text} to repository.recipients in the configuration of every host" for text in missing]
    notes += [f"remove {text} from repository.recipients in the configuration of every host" for text in added]
    return notes if configured else []
