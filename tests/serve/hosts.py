"""Hosts by which an attacker would make serve call something else than a tenant's Freshdesk, and look-alikes of names.

None of them may ever be looked up, let alone called: a tenant is chosen among those that are registered.
"""

LOOPBACK = [
    "127.0.0.1", "127.0.0.1:{port}", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0x0.0x0.0x1", "017700000001",
    "0177.0.0.1", "0", "0.0.0.0", "0.0.0.0:{port}", "localhost", "localhost:{port}", "LOCALHOST", "localhost.",
    "ip6-localhost", "[::1]", "[::1]:{port}", "::1", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "::ffff:127.0.0.1",
    "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[fe80::1%25lo]", "[64:ff9b::7f00:1]", "127.0.0.1.nip.io", "127-0-0-1.nip.io",
    "localtest.me", "127.0.0.1.freshdesk.com", "①②⑦.⓪.⓪.①", "127。0。0。1", "127.0.0.1%00.freshdesk.com",
]  # fmt: skip
INSIDE = [
    "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "169.254.169.254:80", "2852039166",
    "0xA9FEA9FE", "0251.0376.0251.0376", "[fd00:ec2::254]", "[fe80::a9fe:a9fe]", "[::ffff:169.254.169.254]",
    "metadata.google.internal", "metadata", "kubernetes.default.svc", "instance-data", "redis:6379", "224.0.0.1",
    "255.255.255.255", "[ff02::1]", "198.51.100.1", "192.0.2.1", "[2001:db8::1]",
]  # fmt: skip
PARTS_OF_URLS = [
    "http://127.0.0.1:{port}", "https://acme.freshdesk.com", "//127.0.0.1:{port}",
    "http://127.0.0.1:{port}#.freshdesk.com",
    "127.0.0.1:{port}#.freshdesk.com", "127.0.0.1:{port}/.freshdesk.com", "127.0.0.1:{port}?.freshdesk.com",
    "127.0.0.1:{port}\\.freshdesk.com", "127.0.0.1:{port};.freshdesk.com", "127.0.0.1:{port}&.freshdesk.com",
    "user@127.0.0.1:{port}", "acme.freshdesk.com@127.0.0.1:{port}", "acme.freshdesk.com:443",
    "acme.freshdesk.com:{port}",
    "acme.freshdesk.com:80@127.0.0.1", "127.0.0.1@acme.freshdesk.com", "user:pass@acme.freshdesk.com",
    "acme.freshdesk.com/", "acme.freshdesk.com/..", "acme.freshdesk.com#", "acme.freshdesk.com?",
    "acme.freshdesk.com\\",
    "acme.freshdesk.com%2f", "acme.freshdesk.com%00", "acme.freshdesk.com%0d%0aHost:x", "%61cme.freshdesk.com",
    "file:///etc/passwd", "gopher://127.0.0.1:{port}/_x", "dict://127.0.0.1:{port}/x", "data:,x", "javascript:1",
    "acme.freshdesk.com, 127.0.0.1:{port}", "acme.freshdesk.com 127.0.0.1", "{{host}}", "${{host}}", "$(id)", "`id`",
]  # fmt: skip
NEAR_NAMES = [
    "acme.freshdesk.com.", "acme..freshdesk.com", ".acme.freshdesk.com", "acme.freshdesk.com.evil.example",
    "acme.freshdesk.comx", "acme.freshdesk.co", "acmefreshdesk.com", "acme-freshdesk.com",
    "acme.freshdesk.com.freshdesk.com",
    "evil.acme.freshdesk.com", "freshdesk.com", ".freshdesk.com", "*.freshdesk.com", "-.freshdesk.com",
    "-acme.freshdesk.com", "acme-.freshdesk.com", "ac_me.freshdesk.com", "ac me.freshdesk.com",
    "xn--acme-.freshdesk.com",
    "аcme.freshdesk.com", "ａｃｍｅ.freshdesk.com", "acme。freshdesk。com", "acme.freshdesĸ.com", "acme.freshworks.com",
    "acme.freshdesk.com\u200b", "acme\u00ad.freshdesk.com", "a" * 64 + ".freshdesk.com", "a" * 4000 + ".freshdesk.com",
    "nobody.freshdesk.com", "127001.freshdesk.com", "169254169254.freshdesk.com", "xn--80ak6aa92e.freshdesk.com",
    "pc.freshdesk.com", "{{acme.freshdesk.com}}", "acme}}.freshdesk.com", "acme:due.freshdesk.com", "", "-", ".", "@",
]  # fmt: skip


def hostile_hosts(port: int) -> list[str]:
    """All of them; `port` is that of a socket that notices whoever calls it."""
    return [text.format(port=port, host="host") for text in LOOPBACK + INSIDE + PARTS_OF_URLS + NEAR_NAMES]
