"""Tickets to measure with: subjects and first messages of the demo's own, English and Korean, evenly chosen."""

import json
from importlib.resources import files


def new_tickets(count: int) -> list[dict[str, object]]:
    """Bodies for `POST /api/v2/tickets`, the same ones in every run."""
    folder = files("deploy.demo") / "data"
    lines = [
        line for name in ("en", "ko") for line in (folder / f"tickets.{name}.jsonl").read_text("utf-8").splitlines()
    ]
    chosen = [json.loads(lines[place * len(lines) // count]) for place in range(count)]
    return [
        {
            "subject": ticket["subject"],
            "description": ticket["description_html"],
            "email": f"customer{place}@example.com",
            "status": 2,
            "priority": 1,
        }
        for place, ticket in enumerate(chosen)
    ]
