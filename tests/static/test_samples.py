"""What is sampled: the same for the same seed, something else for another, everything if asked."""

from tests.services import ROOT, outcome


def cases(*options: str) -> set[str]:
    collect = ("pytest", "--collect-only", "-q", "-m", "updates")
    _, output = outcome(ROOT, *collect, "-p", "no:cacheprovider", *options)
    return {line for line in output.splitlines() if "::" in line}


def test_a_seed_chooses_some_of_the_cases_and_every_test_has_one() -> None:
    one, again, other = cases("--seed", "1"), cases("--seed", "1"), cases("--seed", "2")
    everything = cases("--exhaustive")

    assert one == again
    assert one != other
    assert one < everything
    assert {name.partition("[")[0] for name in one} == {
        name.partition("[")[0] for name in everything
    }


def test_what_is_chosen_by_name_is_not_left_out() -> None:
    (name,) = sorted(cases("--exhaustive", "-k", "nothing_is_lost and 299"))

    assert cases("-k", "nothing_is_lost and 299") == {name}
