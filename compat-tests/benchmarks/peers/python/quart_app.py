"""The view that Costrel is measured beside, in Quart."""

from quart import Quart

app = Quart(__name__)


@app.get("/async")
async def async_():
    return "Hello"


@app.get("/sync")
def sync():
    return "Hello"
