"""The peer that is hard to beat: nginx with Lua and Redis, one worker, as Debian packages it.

It does less than `/init`: the credential's keyed hash is remembered in the worker, the Canvas's plain JSON is read over
a pool of kept connections and passed on. No look at what is due, no ETag, no rate limit, no metrics.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from shared.redis import state_url
from shared.settings import Settings
from tests.bench.peers.fastapi_service import PREFIX

MODULES = Path("/usr/lib/nginx/modules")
LUA = Path("/usr/share/lua/5.1")
CLIENTS = ("nginx/redis.lua", "resty/redis.lua")
CONFIG = Template("""
${user}load_module $modules/ndk_http_module.so;
load_module $modules/ngx_http_lua_module.so;
daemon off; master_process off; worker_processes 1; pid $folder/nginx.pid; error_log $folder/error.log error;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 100000000;
  client_body_temp_path $folder; proxy_temp_path $folder; fastcgi_temp_path $folder; uwsgi_temp_path $folder;
  scgi_temp_path $folder;
  lua_package_path "$lua/?.lua;;";
  init_by_lua_block { package.loaded.known = {} }
  server { listen 127.0.0.1:$port; location / { content_by_lua_block {
    local headers = ngx.req.get_headers()
    local domain, key = headers["x-freshdesk-domain"], headers["x-freshdesk-api-key"]
    if not domain or not key then return ngx.exit(401) end
    local known, digest = require("known"), ngx.hmac_sha1("a key of the peer's own", domain .. "\\0" .. key)
    local host = known[digest]
    if not host then host = domain; known[digest] = host end
    local redis = require("$client"):new()
    redis:set_timeout(1000)
    if not redis:connect($address) then return ngx.exit(503) end
    local value = redis:get("$prefix" .. host .. ":" .. string.sub(ngx.var.uri, 7))
    redis:set_keepalive(60000, 256)
    if not value or value == ngx.null then return ngx.exit(404) end
    ngx.header["Content-Type"], ngx.header["Content-Length"] = "application/json", #value
    ngx.print(value)
  } } }
}
""")


def missing() -> str:
    """Why it can't run here; empty where it can."""
    if shutil.which("nginx") is None:
        return "nginx is not installed (Debian: nginx libnginx-mod-http-lua lua-nginx-redis)"
    if not (MODULES / "ngx_http_lua_module.so").exists():
        return "nginx has no Lua module (Debian: libnginx-mod-http-lua)"
    if not any((LUA / client).exists() for client in CLIENTS):
        return "there is no Redis client for nginx's Lua (Debian: lua-nginx-redis)"
    return ""


def config(settings: Settings, folder: Path, port: int) -> str:
    """nginx.conf for this port over the settings' Redis."""
    url = urlsplit(state_url(settings))
    client = next(name for name in CLIENTS if (LUA / name).exists())
    return CONFIG.substitute(
        user="user root;\n" if os.geteuid() == 0 else "",
        modules=MODULES,
        lua=LUA,
        folder=folder,
        port=port,
        client=client.removesuffix(".lua").replace("/", "."),
        address=f'"unix:{url.path}"' if url.scheme == "unix" else f'"{url.hostname}", {url.port}',
        prefix=PREFIX,
    )


@asynccontextmanager
async def running_nginx(settings: Settings, folder: Path, port: int) -> AsyncIterator[int]:
    """Run it until the block ends, on the cores of this process; yields its process id."""
    path = folder / "nginx.conf"
    path.write_text(config(settings, folder, port), "utf-8")
    process = await asyncio.create_subprocess_exec("nginx", "-p", str(folder), "-c", str(path))
    try:
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
