"""Flask-WTF's FlaskForm: what it reads, what is wrong with it, and what its fields show again."""
from flask import Blueprint, request
from flask_wtf import FlaskForm
from markupsafe import escape
from wtforms import BooleanField, FieldList, FloatField, Form, FormField, IntegerField, PasswordField, SelectField
from wtforms import SelectMultipleField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, Regexp, URL

bp = Blueprint("forms", __name__, url_prefix="/forms")
SIZES = [("small", "Small"), ("large", "Large")]


class Order(FlaskForm):
    class Meta:
        csrf = False

    name = StringField(validators=[DataRequired(), Length(min=2, max=8)])
    amount = IntegerField(validators=[InputRequired(), NumberRange(min=1, max=9)])
    count = IntegerField(validators=[Optional()])
    price = FloatField(validators=[Optional()])
    size = SelectField(choices=SIZES, validators=[InputRequired()])
    extras = SelectMultipleField(choices=SIZES)
    gift = BooleanField()
    password = PasswordField(validators=[DataRequired(), Length(min=4)])
    note = StringField(validators=[Optional(), Length(max=3)])
    code = StringField(validators=[Optional(), Length(min=2, max=2), Regexp("^a")])
    site = StringField(validators=[Optional(), URL()])

    def validate_name(self, field):
        if field.data == "root":
            field.errors.append("This name is taken.")


class Address(Form):
    street = StringField(validators=[DataRequired(), Length(min=3)])
    number = IntegerField(validators=[InputRequired()])


class Customer(FlaskForm):
    class Meta:
        csrf = False

    name = StringField(validators=[DataRequired()])
    address = FormField(Address)
    phones = FieldList(IntegerField(validators=[InputRequired()]))


class Search(FlaskForm):
    class Meta:
        csrf = False

    q = StringField(validators=[DataRequired()])
    limit = IntegerField(validators=[Optional()])


def wrong(form):
    for field in form:
        if isinstance(field, FormField):
            yield from wrong(field.form)
        elif isinstance(field, FieldList):
            yield from wrong(field.entries)
        elif field.errors:
            yield f"{field.name}: {' '.join(field.errors)}"


def errors(form):
    return "\n".join(sorted(wrong(form)))


def order():
    form = Order()
    if form.validate_on_submit() and not form.errors:
        extras = "+".join(form.extras.data)
        return f"{form.name.data}|{form.amount.data}|{form.count.data}|{form.size.data}|{extras}|{form.gift.data}"
    shown = f"{escape(form.name._value())}|{form.amount._value()}|{form.size.data or ''}|{form.gift.data}"
    return f"{shown}|{'secret' in str(form.password())}\n{errors(form)}"


@bp.route("/order", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def sync_order():
    return order()


@bp.route("/async", methods=["GET", "POST"])
async def async_order():
    return order()


@bp.post("/customer")
def customer():
    form = Customer()
    if form.validate_on_submit():
        phones = "+".join(str(phone) for phone in form.phones.data)
        return f"{form.name.data}|{form.address.data['street']}|{form.address.data['number']}|{phones}"
    return errors(form)


@bp.get("/search")
def search():
    form = Search(request.args)
    if request.args and form.validate():
        return f"{form.q.data}|{form.limit.data}"
    return f"{form.q._value()}\n{errors(form)}"


def init_app(app):
    app.register_blueprint(bp)
