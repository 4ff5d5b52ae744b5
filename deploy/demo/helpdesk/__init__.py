"""A Freshdesk look-alike: one account in memory behind the parts of REST v2 that Prompt Canvas uses.

It exists to be as awkward as the real service: defaults that hide old tickets, capped pages, credits for includes,
sub-limits, empty error bodies, webhooks without order. What Freshdesk documents is done as documented; what it leaves
open is a setting. Faults can be switched on while it runs.
"""

from deploy.demo.helpdesk.app import create_helpdesk_app
from deploy.demo.helpdesk.faults import Fault
from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.runner import running_helpdesk, serving
from deploy.demo.helpdesk.settings import HelpdeskSettings

__all__ = ["Fault", "Helpdesk", "HelpdeskSettings", "create_helpdesk_app", "running_helpdesk", "serving"]
