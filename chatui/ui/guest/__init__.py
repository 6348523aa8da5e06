"""Pages for invited people, with nothing of the owner in them."""
