"""Pages that start work: a form for each app, a pasted document, and what will happen."""
