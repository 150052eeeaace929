"""${message}

Review the SQL before you commit (`alembic upgrade head --sql`): autogenerate misses renames and
some constraints. Once committed, a migration is never edited: write the next one.
Write the name of a constraint as you see it in the database, and in `op.f`:
`op.drop_constraint(op.f("users_role_check"), "users", type_="check")`.

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision: str = ${repr(up_revision)}
down_revision: str | None = ${repr(down_revision)}
branch_labels: str | None = ${repr(branch_labels)}
depends_on: str | None = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
