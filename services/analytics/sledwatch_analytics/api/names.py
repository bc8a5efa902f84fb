"""Names in paths and queries, checked as the MQTT contract has them."""

from typing import Annotated, Final

from fastapi import Path, Query

NAME: Final = r"^[a-z0-9][a-z0-9_-]{0,63}$"
TOKEN: Final = r"^[A-Za-z0-9_-]{1,64}$"  # noqa: S105 - the form of a session id, no secret

GymPath = Annotated[str, Path(pattern=NAME, description="a gym", examples=["north"])]
MachinePath = Annotated[str, Path(pattern=NAME, description="a machine of the gym", examples=["press-1"])]
UserPath = Annotated[str, Path(pattern=NAME, description="a member's pseudonym", examples=["m-1042"])]
SessionPath = Annotated[str, Path(pattern=TOKEN, description="a session", examples=["01JDX4"])]

GymQuery = Annotated[str | None, Query(pattern=NAME, description="of this gym only")]
UserQuery = Annotated[str | None, Query(pattern=NAME, description="of this member only")]
SessionQuery = Annotated[str | None, Query(pattern=TOKEN, description="of this session only")]
RuleQuery = Annotated[str | None, Query(max_length=64, description="of this rule only", examples=["depth.excessive"])]
