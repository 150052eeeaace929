"""Sample data, a module per resource. Each has `async def seed(db)`; `poe seed` finds it."""
