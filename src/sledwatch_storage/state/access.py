"""Sign-in links and browser sessions in the state DB. Only digests are kept: nobody signs in with what the DB holds."""

from typing import Literal

from sqlalchemy import Engine, delete, insert, select, update

from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.schema import sign_in

Kind = Literal["link", "cookie"]


def put(engine: Engine, digest: str, kind: Kind, subject: str, *, expires_us: int, now_us: int) -> None:
    """Keep a link or cookie until it expires; those that have expired go."""
    with begin(engine) as connection:
        connection.execute(delete(sign_in).where(sign_in.c.expires_us <= now_us))
        connection.execute(insert(sign_in).values(digest=digest, kind=kind, subject=subject, expires_us=expires_us))


def use_link(engine: Engine, digest: str, now_us: int) -> str | None:
    """Use a link up, and return whose it is; None where it is unknown, used or expired. One of two at once gets it."""
    valid = (sign_in.c.digest == digest, sign_in.c.kind == "link", sign_in.c.expires_us > now_us)
    with begin(engine) as connection:
        used = connection.execute(update(sign_in).where(*valid, sign_in.c.used_us.is_(None)).values(used_us=now_us))
        if used.rowcount != 1:
            return None
        return str(connection.execute(select(sign_in.c.subject).where(*valid)).scalar_one())


def cookie_subject(engine: Engine, digest: str, now_us: int) -> str | None:
    """Whose browser session this is; None where it is unknown, expired or signed out."""
    query = select(sign_in.c.subject).where(
        sign_in.c.digest == digest, sign_in.c.kind == "cookie", sign_in.c.expires_us > now_us
    )
    with engine.connect() as connection:
        return connection.execute(query).scalar_one_or_none()


def remove(engine: Engine, digest: str) -> None:
    """Sign out."""
    with begin(engine) as connection:
        connection.execute(delete(sign_in).where(sign_in.c.digest == digest))
