"""Lets a Lua script of ours keep a record of its own calls: in the same atomic step, so that no kill can part the two.

The record is a stream in the same Valkey, so its order is the order in which the writes took effect, whoever sent them
and whether or not the sender lived to hear of it. Nothing of the product's code is touched: only the chaos workers
register the scripts in this wrapped form.
"""

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from shared.canvas_store import CanvasStore
from shared.due import DueLedger

COMMITS, SETTLES, CLAIMS = "chaos:commits", "chaos:settles", "chaos:claims"
FIELD = 64
"""Bytes of each argument that are kept: more than the head of a Canvas, less than its text."""

WRAPPED = """
local function original()
{original}
end
local answer = original()
local said = answer
if type(answer) == 'table' then
  said = table.concat(answer, ' ')
end
local record = {{'answer', tostring(said), 'key', KEYS[1], 'digest', redis.sha1hex(ARGV[1])}}
record[#record + 1] = 'ready'
record[#record + 1] = string.find(ARGV[1], '"status":"ready"', 1, true) and 1 or 0
for place, value in ipairs(ARGV) do
  record[#record + 1] = 'arg' .. place
  record[#record + 1] = string.sub(value, 1, {field})
end
local time = redis.call('TIME')
redis.call('XADD', '{stream}', '*', 'at', time[1] * 1000 + math.floor(time[2] / 1000), unpack(record))
return answer
"""


def recorded(client: Redis, script: AsyncScript, stream: str) -> AsyncScript:
    """The same script, which adds each of its calls to `stream`."""
    original = script.script.decode() if isinstance(script.script, bytes) else str(script.script)
    return client.register_script(WRAPPED.format(original=original, stream=stream, field=FIELD))


class RecordedStore(CanvasStore):
    """A store whose writes are on record."""

    def __init__(self, cache: Redis) -> None:
        super().__init__(cache)
        self._put = recorded(cache, self._put, COMMITS)


def recorded_ledger(state: Redis, ledger: DueLedger) -> DueLedger:
    """The ledger itself, whose claims and settlements are on record from now on."""
    ledger._claim = recorded(state, ledger._claim, CLAIMS)
    ledger._settle = recorded(state, ledger._settle, SETTLES)
    return ledger
