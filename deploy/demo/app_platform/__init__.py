"""What Freshworks' platform does for the Freshdesk app, as the demo needs it: hosts its files, sends its requests.

`package` reads the app as an upload would, `expressions` are the `<%= … %>` of its request templates, `requests` fills
a template in, `platform` sends it within the platform's limits, `hosting` serves the app's files to its frame.
"""

from deploy.demo.app_platform.hosting import create_hosting
from deploy.demo.app_platform.package import AppPackage, frontend_folder
from deploy.demo.app_platform.platform import AppPlatform, PlatformLimits, Rejection, TemplateAnswer
from deploy.demo.app_platform.requests import Settings

__all__ = [
    "AppPackage",
    "AppPlatform",
    "PlatformLimits",
    "Rejection",
    "Settings",
    "TemplateAnswer",
    "create_hosting",
    "frontend_folder",
]
