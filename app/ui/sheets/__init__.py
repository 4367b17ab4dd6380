"""Pages of sample sheets: a table of cells, what its columns fill, and problems at cells."""
