"""The views that Costrel is measured beside, in Flask."""

from flask import Flask

app = Flask(__name__)


@app.get("/sync")
def sync():
    return "Hello"


@app.get("/async")
async def async_():
    return "Hello"
