//! App contexts without a request: for commands, jobs and tests.

use std::panic::{self, AssertUnwindSafe};

use futures_util::FutureExt;

use super::copied_context::{in_context_sync, panicked};
use super::teardown::TeardownGuard;
use crate::context::{APPCONTEXT_PUSHED, Application, Command, Context};
#[cfg(feature = "cli")]
use crate::context::{Output, g};
use crate::error::{Error, ErrorKind};
use crate::execution::{Waiting, catch_panic};

impl Application {
    /// Runs `future` in an app context, with [`current_app()`](crate::current_app()) and [`g()`](crate::g()) but no
    /// request: Flask's `app_context`. At its end the functions of `teardown_appcontext` run.
    ///
    /// ```
    /// use costrel::{App, current_app};
    ///
    /// # let event_loop = tokio::runtime::Runtime::new()?;
    /// # event_loop.block_on(async {
    /// let app = App::new("shop").build()?;
    /// let name = app.app_context(async { current_app().name().to_owned() }).await;
    /// assert_eq!(name, "shop");
    /// # Ok::<(), costrel::Error>(())
    /// # })?;
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub async fn app_context<F: Future>(&self, future: F) -> F::Output {
        let (context, teardown) = self.new_context();
        let running = async {
            APPCONTEXT_PUSHED.emit_logged(self.handle(), || ()).await;
            AssertUnwindSafe(future).catch_unwind().await
        };
        let outcome = context.run(running).await;
        teardown.finish(panicked(&outcome)).await;
        outcome.unwrap_or_else(|payload| panic::resume_unwind(payload))
    }

    /// Runs `f` in an app context, on this thread: the sync form of [`app_context`](Self::app_context).
    ///
    /// ```
    /// use costrel::{App, current_app};
    ///
    /// let app = App::new("shop").build()?;
    /// assert_eq!(app.app_context_sync(|| current_app().name().to_owned()), "shop");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn app_context_sync<R>(&self, f: impl FnOnce() -> R) -> R {
        in_context_sync(&Context::without_request(self.handle().clone()), f)
    }

    /// Runs a command that was added with [`App::command`](crate::App::command), in an app context: Flask's
    /// `test_cli_runner().invoke(..)`.
    ///
    /// ```
    /// use costrel::{App, Error, current_app};
    ///
    /// let mut app = App::new("docs");
    /// app.command("greet", "Say hello: greet NAME", |arguments: Vec<String>| match &arguments[..] {
    ///     [name] if name == "unknown" => Err(Error::setup("there is no such person")),
    ///     _ => Ok(()),
    /// });
    /// let application = app.build()?;
    /// assert!(application.invoke("greet", ["Ada"]).wait().is_ok());
    /// assert_eq!(application.invoke("greet", ["unknown"]).wait().unwrap_err().message(), "there is no such person");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of the command, or if there is no command of this name.
    pub fn invoke<'a>(&self, command: &str, arguments: impl IntoIterator<Item = &'a str>) -> Waiting<()> {
        let arguments = arguments.into_iter().map(str::to_owned).collect();
        self.run_command(command, |command| command.call(arguments))
    }

    /// Runs a command with what its parser has read. What it writes goes to `output`, if there is one.
    #[cfg(feature = "cli")]
    pub(crate) fn invoke_parsed(
        &self,
        command: &str,
        arguments: clap::ArgMatches,
        output: Option<Output>,
    ) -> Waiting<()> {
        self.run_command(command, |command| {
            if let Some(output) = output {
                g().set(Output::ON_G, output);
            }
            command.call_parsed(arguments)
        })
    }

    fn run_command(&self, name: &str, call: impl FnOnce(&Command) -> Waiting<()> + Send + 'static) -> Waiting<()> {
        let found = self.tables().commands.iter().find(|known| known.name == name).cloned();
        let (application, name) = (self.clone(), name.to_owned());
        Waiting::new(async move {
            let Some(command) = found else {
                return Err(Error::new(ErrorKind::Other, format!("there is no command {name:?}")));
            };
            let (context, teardown) = application.new_context();
            let running = async {
                APPCONTEXT_PUSHED.emit(application.handle(), || ()).await?;
                call(&command).await
            };
            let outcome = context.run(catch_panic(running)).await;
            teardown.finish(outcome.as_ref().err().cloned()).await;
            outcome
        })
    }

    fn new_context(&self) -> (Context, TeardownGuard) {
        let context = Context::without_request(self.handle().clone());
        let teardown = TeardownGuard::new(context.clone(), None);
        (context, teardown)
    }
}
