"""The bundled demo: a task, its data, a small base model, and what made them."""
