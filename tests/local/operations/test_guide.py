"""A test of this folder runs every command of the guide, or the index gives the reason why none does."""

import pytest

from tests.local.operations import guide

RUN, NOT_RUN = guide.run_by_tests(), guide.not_run()
BLOCKS = [(page, block) for page in guide.pages() for block in guide.blocks(page)]
# Every block runs after these.
SET_UP = {(guide.INDEX, block) for block in guide.blocks(guide.INDEX)[:2]}


def _named(names, page, block):
    return [(one, beginning) for one, beginning in names if one == page and block.startswith(beginning)]


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[f"{page}: {block[:60]}" for page, block in BLOCKS])
def test_block_is_either_run_or_excluded_with_a_reason(page, block):
    is_run = bool(_named(RUN, page, block)) or (page, block) in SET_UP or block in guide.definitions(page)
    assert is_run != bool(_named(NOT_RUN, page, block))


@pytest.mark.parametrize(("page", "beginning"), [*sorted(RUN), *NOT_RUN])
def test_blocks_that_are_run_or_excluded_are_in_the_guide(page, beginning):
    assert [block for block in guide.blocks(page) if block.startswith(beginning)]
