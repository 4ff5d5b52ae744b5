"""Inputs that nobody planned for: requests made from the OpenAPI document, from dice, and bytes on raw sockets."""
