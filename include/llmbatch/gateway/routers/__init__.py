"""One module for each resource of the API. Imports all rooms below."""
