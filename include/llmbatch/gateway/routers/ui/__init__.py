"""Routes of the pages, below ``/ui``. Each page has a route for its frame and others for what its script polls."""
