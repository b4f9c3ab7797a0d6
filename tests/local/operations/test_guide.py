"""Every command of the guide is run by a test of this folder, or the index says why it is not."""

import pytest

from tests.local.operations import guide

RUN, NOT_RUN = guide.run_by_tests(), guide.not_run()
BLOCKS = [(page, block) for page in guide.pages() for block in guide.blocks(page)]
# These stand before every block that is run.
SET_UP = {(guide.INDEX, block) for block in guide.blocks(guide.INDEX)[:2]}


def _named(names, page, block):
    return [(one, beginning) for one, beginning in names if one == page and block.startswith(beginning)]


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[f"{page}: {block[:60]}" for page, block in BLOCKS])
def test_a_block_is_either_run_or_left_out_for_a_reason(page, block):
    is_run = bool(_named(RUN, page, block)) or (page, block) in SET_UP or block in guide.definitions(page)
    assert is_run != bool(_named(NOT_RUN, page, block))


@pytest.mark.parametrize(("page", "beginning"), [*sorted(RUN), *NOT_RUN])
def test_what_is_run_or_left_out_is_in_the_guide(page, beginning):
    assert [block for block in guide.blocks(page) if block.startswith(beginning)]
