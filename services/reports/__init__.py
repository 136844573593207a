"""Reports as files for people: pages, PDF, spreadsheets, CSV. All made from the JSON Lines, and nothing else."""
