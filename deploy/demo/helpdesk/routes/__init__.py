"""The HTTP surface, one module for each part of the API; every module ends with its `ROUTES`."""
