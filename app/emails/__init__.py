"""E-mail addresses over HTTP: letters about the ends of a user's workflows (docs/email.md)."""
