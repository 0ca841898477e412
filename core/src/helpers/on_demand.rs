//! Values of templates that are made when a template first uses them.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Object;
use parking_lot::Mutex;

use super::template_functions::rendered;
use crate::error::Error;
use crate::execution::Callable;

/// The values that functions make while one template is rendered, by their names.
#[derive(Debug)]
pub(super) struct OnDemand {
    functions: Vec<(String, Callable<(), Value>)>,
    made: Mutex<HashMap<String, Value>>,
    /// The name that the template has used before its value was made.
    missing: Mutex<Option<String>>,
}

impl OnDemand {
    pub(super) fn new(functions: Vec<(String, Callable<(), Value>)>) -> Self {
        Self { functions, made: Mutex::default(), missing: Mutex::default() }
    }

    /// Whether there are functions.
    pub(super) fn any(&self) -> bool {
        !self.functions.is_empty()
    }

    /// Renders until no value is missing. A template is sync code and cannot wait for the function of a value, so
    /// rendering stops at the value's name and begins again when the function has made it.
    pub(super) async fn rendered(
        &self,
        render: impl Fn() -> Result<String, Error> + Clone + Send + 'static,
    ) -> Result<String, Error> {
        loop {
            let rendered = rendered(render.clone()).await;
            let missing = self.missing.lock().take();
            match missing.filter(|_| rendered.is_err()).and_then(|name| Some((self.function(&name)?, name))) {
                Some((function, name)) => {
                    let value = function.call(()).await?;
                    self.made.lock().insert(name, value);
                }
                None => return rendered,
            }
        }
    }

    /// The function for `name`; the last one, because a blueprint's goes before the app's.
    fn function(&self, name: &str) -> Option<&Callable<(), Value>> {
        self.functions.iter().rev().find(|(known, _)| known == name).map(|(_, function)| function)
    }
}

impl Object for OnDemand {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str().filter(|name| self.function(name).is_some())?;
        if let Some(made) = self.made.lock().get(name) {
            return Some(made.clone());
        }
        *self.missing.lock() = Some(name.to_owned());
        // An invalid value ends the rendering where it is used.
        Some(minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, "a value is still to be made").into())
    }
}
