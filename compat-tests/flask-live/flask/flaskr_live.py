"""Flaskr in Flask: its tables are in the file DATABASE, and its limiter counts on the REDIS, if there is one."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "flask-diff/flask"))

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flaskr import auth, create_app
from werkzeug.middleware.proxy_fix import ProxyFix

app = create_app(os.environ["DATABASE"])
# The clients' addresses are those that the app in front has seen.
app.wsgi_app = ProxyFix(app.wsgi_app)
if redis := os.environ.get("REDIS"):
    limiter = Limiter(get_remote_address, app=app, storage_uri=redis)
    limiter.shared_limit("100/hour", scope="posting", methods=["POST"])(auth)
