"""`canvas export` and `canvas import`: a tenant moves to another installation, in one file.

`archive` is the file, `kept` says which keys of Redis travel and checks what comes back, `sealed` hides the secrets
under a passphrase; `exporting` and `importing` do it. Both stream: their memory does not grow with the tenant.
"""
