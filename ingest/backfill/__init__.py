"""Bring a tenant's history in: its lists are walked, its tickets read and indexed, and then computed by the workers."""
