"""Pictures of stored runs; each file holds what is drawn, free of any library, and how matplotlib draws it."""
