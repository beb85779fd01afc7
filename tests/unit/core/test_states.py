"""The state table and its guard."""

from __future__ import annotations

import pytest

from loadstar.core.states import TRANSITIONS, InvalidStateTransition, State, guard


@pytest.mark.parametrize("old", State)
@pytest.mark.parametrize("new", State)
def test_guard_lets_through_what_the_table_has(old: State, new: State) -> None:
    """Staying and the table's edges pass; everything else raises and names what is allowed."""
    if new is old or new in TRANSITIONS[old]:
        assert guard(old, new) is new
    else:
        with pytest.raises(InvalidStateTransition, match="allowed from"):
            guard(old, new)


def test_ends_are_final() -> None:
    """Nothing leads out of SUCCESS and FAILED, and both can be reached from PENDING."""
    assert {state for state in State if state.terminal} == {State.SUCCESS, State.FAILED}
    reached, todo = set(), [State.PENDING]
    while todo:
        state = todo.pop()
        if state not in reached:
            reached.add(state)
            todo += TRANSITIONS[state]
    assert reached == set(State)
