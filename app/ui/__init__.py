"""Pages under ``/ui``: the same engine and the same rules as the API's, for people who look."""
