"""Prints Flask's public names, a line for each place: what the book's page for people from Flask has to answer."""

import inspect

import flask


def public(place):
    return [name for name in dir(place) if not name.startswith("_")]


def exported():
    """The names of the package that are no submodules and no imports of its own."""
    values = {name: getattr(flask, name) for name in public(flask)}
    return [name for name, value in values.items() if not inspect.ismodule(value) and name != "annotations"] + ["json"]


app = flask.Flask("names")
with app.test_request_context():
    request = public(flask.request._get_current_object())
places = {
    "Flask": public(app),
    "Request": request,
    "Response": public(flask.Response()),
    "flask": exported(),
    "config": list(app.config),
}
for place, names in places.items():
    print(place, *sorted(names))
