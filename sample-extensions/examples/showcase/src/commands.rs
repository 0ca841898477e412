//! Commands beside `run` and `routes`.

use std::io::{Write, stdout};

use costrel::{Error, current_app};

pub(crate) fn greet(arguments: Vec<String>) -> Result<(), Error> {
    let [name] = &arguments[..] else {
        return Err(Error::from_boxed("give one name, as in `greet Ada`".into()));
    };
    Ok(writeln!(stdout(), "{} greets {name}", current_app().name())?)
}

pub(crate) async fn greet_async(arguments: Vec<String>) -> Result<(), Error> {
    // A real command would wait for something here.
    greet(arguments)
}
