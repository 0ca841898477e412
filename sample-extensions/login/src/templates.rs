//! `current_user` in templates.

use std::sync::Arc;

use costrel::minijinja::value::{Object, ObjectRepr};
use costrel::minijinja::{Error, ErrorKind, State, Value};

use crate::current_user::CurrentUser;
use crate::loading::current_user;
use crate::options::Login;

/// Makes the value of `current_user`.
pub(crate) async fn current_user_value() -> Result<Value, costrel::Error> {
    let (user, login) = (current_user().await?, Login::current()?);
    let attributes = login.shown.iter().find_map(|show| show(&user));
    Ok(Value::from_object(TemplateUser { user, attributes, is_safe: login.is_safe() }))
}

#[derive(Debug)]
struct TemplateUser {
    user: CurrentUser,
    /// `None` if the app has not said how its type is shown.
    attributes: Option<Value>,
    is_safe: bool,
}

impl Object for TemplateUser {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "is_authenticated" => Some(self.user.is_authenticated().into()),
            "is_active" => Some(self.user.is_active().into()),
            "is_anonymous" => Some(self.user.is_anonymous().into()),
            name => match &self.attributes {
                Some(attributes) => attributes.get_attr(name).ok().filter(|value| !value.is_undefined()),
                // A template that took it for undefined would show the page for visitors.
                None => (!self.user.is_anonymous()).then(|| unknown(name)),
            },
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, name: &str, _: &[Value]) -> Result<Value, Error> {
        match name {
            "get_id" if self.user.is_anonymous() => Ok(Value::from(())),
            "get_id" => Ok(self.user.get_id().into()),
            _ => Err(ErrorKind::UnknownMethod.into()),
        }
    }

    /// In Flask a visitor counts as true, so `{% if current_user %}` there shows every visitor the page for users.
    fn is_true(self: &Arc<Self>) -> bool {
        !self.is_safe || self.user.is_authenticated()
    }
}

fn unknown(name: &str) -> Value {
    let message = format!(
        "templates do not see the attribute `current_user.{name}`: derive `serde::Serialize` for the type of the app's users, \
         and write `.in_templates::<User>()` with it behind `Login::new()`"
    );
    Error::new(ErrorKind::InvalidOperation, message).into()
}
