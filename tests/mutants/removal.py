"""The operator that cosmic-ray lacks: a statement less. It asks whether a test notices that a guard is gone."""

from collections.abc import Iterator
from typing import Any

import parso
from parso.tree import NodeOrLeaf

Position = tuple[int, int]

WORDS = ("return", "continue", "break", "raise", "del")


class RemoveStatement:
    """Replaces one statement inside a function with `pass`; what is only logged stays."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[Position, Position]]:
        """Give where the statement is, for a node that is one."""
        if node.type == "simple_stmt" and node.search_ancestor("funcdef") and self._does(node):
            yield node.start_pos, node.children[0].end_pos

    def mutate(self, node: Any, index: int) -> Any:  # noqa: ARG002 (cosmic-ray's own shape)
        """Put `pass` where it was."""
        prefix = node.get_first_leaf().prefix
        node.children[0] = parso.parse("pass").children[0]
        node.children[0].prefix = prefix
        return node

    def _does(self, node: Any) -> bool:
        """Say whether a statement does anything: a docstring, a name, an import, a line in the log do not."""
        statement = node.children[0]
        if statement.type in {"expr_stmt", "return_stmt", "raise_stmt", "del_stmt"}:
            return not any(child.type == "annassign" and len(child.children) == 2 for child in statement.children)
        if statement.type == "atom_expr":
            return not statement.get_code().strip().startswith("log.")
        return statement.type in {"await", "keyword"} and statement.get_code().strip() not in {"pass", "..."}
