"""`tributary forget`."""

from __future__ import annotations

import sys

import click

from tributary.cli.current import current


@click.command()
@click.option("--email", "emails", multiple=True, metavar="ADDRESS", help="An e-mail address.")
@click.option("--customer-id", "customers", multiple=True, metavar="ID", help="The shop's id.")
@click.option("--user-id", "users", multiple=True, metavar="ID", help="A user key of files or GA4.")
@click.option("--client-id", "clients", multiple=True, metavar="ID", help="A browser's GA4 id.")
@click.option("--store", default="", metavar="STORE", help="Only in this store; default: in all.")
@click.option("--dry-run", is_flag=True, help="Say what would be replaced, and change nothing.")
def forget(
    emails: tuple[str, ...],
    customers: tuple[str, ...],
    users: tuple[str, ...],
    clients: tuple[str, ...],
    store: str,
    dry_run: bool,
) -> None:
    """Forget a person in every layer of the warehouse; all totals stay. Every option may repeat.

    What is given is looked up with all that is known to belong to it, and replaced by random words
    that lead nowhere. Read again, the person does not come back. Order numbers stay: they are the
    shop's books. Your own files and backups are not touched: delete the person there, too.
    """
    from tributary.local.forget import run_forget

    given = {"emails": emails, "customers": customers, "users": users, "clients": clients}
    text, code = run_forget(current(), given, store, dry_run)
    click.echo(text, nl=False)
    sys.exit(code)
