"""What the contract tests cannot read off this service. It is yours: no update touches it.

`tests/contract/README.md` says which failure asks for which answer.
"""

from tests.contract.answers import Answers

ANSWERS = Answers(
    values={
        # "month": "2026-01",
    },
    members={
        # Organisation: join,
    },
    writes_nothing={
        # "preview_invoice": "it only computes",
    },
)
