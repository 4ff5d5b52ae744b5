"""`canvas doctor`: everything that a support engineer would ask about an installation, looked at all at once.

`finding` is what a look says, `examining` runs the checks beside each other with deadlines, `case` is what they look
at; the other modules are the checks by part. None of them changes anything, and none says a secret or a ticket's text:
the whole report may be pasted into a support ticket.
"""
