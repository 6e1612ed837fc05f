"""What every answer shares: the shape of errors, pages, ETags, limits of bodies. Imports no other room."""
