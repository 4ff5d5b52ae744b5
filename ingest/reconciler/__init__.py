"""Finds what webhooks missed: per tenant, every few minutes, it compares Freshdesk's ticket lists with our records.

    loop      when a tenant is looked at, and by which process
    passes    one pass: the lists from their watermarks on, and one page of the audit
    compare   whether a listed ticket is news

It computes nothing itself. What is newer than its record is marked in the due ledger, as a webhook would have done.
"""
