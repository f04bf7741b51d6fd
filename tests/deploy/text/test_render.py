"""The renderer: pure, strict, and honest about what nginx cannot say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.errors import BadInputError
from deploy.text.render import quoted


@pytest.mark.parametrize("value", ["/a b/c", "/ä/ö", "/a'b", "/a,b:c"])
def test_a_path_is_quoted(value: str) -> None:
    """Spaces and letters of any language are fine."""
    assert quoted(value) == f'"{value}"'


@given(st.text(min_size=1), st.sampled_from(sorted('"$\\*?[;{}\n\0')))
def test_what_nginx_would_read_as_syntax_is_refused(text: str, character: str) -> None:
    """Between quotes nginx still expands variables, and include still expands patterns."""
    with pytest.raises(BadInputError):
        quoted(text + character)
