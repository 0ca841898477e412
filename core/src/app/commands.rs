//! The commands of an app, of its blueprints, and in groups.
//!
//! The macro names types as its callers import them.

use std::panic::Location;

use super::App;
use crate::context::Command;
use crate::error::Error;
use crate::execution::IntoCallable;

/// The methods by which an app, a blueprint and a group of commands get commands, for the body of an `impl`.
macro_rules! command_methods {
    () => {
        /// Adds a command to the app's command line. `f`, sync or async, runs in an app context and gets the arguments
        /// after the command's name. Extensions add theirs in `init_app`. A blueprint's commands are in a group that has its
        /// name.
        ///
        /// ```
        /// use costrel::{App, Error, current_app};
        ///
        /// let mut app = App::new("docs");
        /// app.command("init-db", "Create the tables.", async || {
        ///     println!("creating the tables of {}", current_app().name());
        ///     Ok::<(), Error>(())
        /// });
        /// assert!(app.build()?.invoke("init-db", []).wait().is_ok());
        /// # Ok::<(), Error>(())
        /// ```
        #[doc(alias = "cli")]
        #[track_caller]
        pub fn command<M>(&mut self, name: &str, about: &str, f: impl IntoCallable<M, Vec<String>, ()>) -> &mut Self {
            self.add_command(Command::of_words(name, about, f.into_callable()))
        }

        /// Adds a command whose arguments are a type that derives [clap](crate::cli::clap)'s `Parser`, which has the
        /// command's name too. Mistakes are reported before `f`, sync or async, is called.
        ///
        /// ```
        /// use costrel::App;
        /// use costrel::cli::{clap, echo};
        ///
        /// /// Add a user.
        /// #[derive(clap::Parser)]
        /// #[command(name = "add-user")]
        /// struct AddUser {
        ///     name: String,
        ///     #[arg(long, default_value_t = 18)]
        ///     age: u8,
        /// }
        ///
        /// let mut app = App::new("docs");
        /// app.typed_command(async |user: AddUser| echo(format!("added {}, {}", user.name, user.age)));
        /// let runner = app.test_cli_runner();
        /// assert_eq!(runner.invoke(["add-user", "Ada", "--age", "36"]).wait()?.output, "added Ada, 36\n");
        /// assert_eq!(runner.invoke(["add-user", "Ada", "--age", "old"]).wait()?.exit_code, 2);
        /// # Ok::<(), costrel::Error>(())
        /// ```
        #[cfg(feature = "cli")]
        #[track_caller]
        pub fn typed_command<A, M>(&mut self, f: impl IntoCallable<M, A, ()>) -> &mut Self
        where
            A: clap::Parser + Send + 'static,
        {
            self.add_command(Command::of_parser(f.into_callable()))
        }

        /// Adds a command whose arguments and options [clap](crate::cli::clap) reads: they are in the command's `--help`, and
        /// mistakes are reported before `f` is called. Otherwise as [`command`](Self::command).
        ///
        /// ```
        /// use costrel::App;
        /// use costrel::cli::clap::{Arg, ArgMatches, Command};
        ///
        /// let mut app = App::new("docs");
        /// let greet = Command::new("greet").about("Say hello.").arg(Arg::new("name").long("name").required(true));
        /// app.command_with_options(greet, |options: ArgMatches| {
        ///     assert_eq!(options.get_one::<String>("name").unwrap(), "Ada");
        /// });
        /// let app = app.build()?;
        /// assert!(app.invoke("greet", ["--name", "Ada"]).wait().is_ok());
        /// assert!(app.invoke("greet", []).wait().unwrap_err().message().contains("--name <name>"));
        /// # Ok::<(), costrel::Error>(())
        /// ```
        #[cfg(feature = "cli")]
        #[track_caller]
        pub fn command_with_options<M>(
            &mut self,
            command: clap::Command,
            f: impl IntoCallable<M, clap::ArgMatches, ()>,
        ) -> &mut Self {
            self.add_command(Command::of_matches(command, f.into_callable()))
        }
    };
}

pub(super) use command_methods;

/// Commands under one name, such as `user add` and `user list`: click's group.
///
/// ```
/// use costrel::App;
/// use costrel::{CommandGroup, cli::echo};
///
/// let mut users = CommandGroup::new("user", "Manage users.");
/// users.command("list", "List them.", || echo("Ada"));
/// let mut app = App::new("docs");
/// app.command_group(users);
/// assert_eq!(app.test_cli_runner().invoke(["user", "list"]).wait()?.output, "Ada\n");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CommandGroup {
    name: String,
    about: String,
    commands: Vec<(Command, &'static Location<'static>)>,
}

impl CommandGroup {
    /// A group without commands; `about` is in the app's `--help`.
    pub fn new(name: impl Into<String>, about: impl Into<String>) -> Self {
        Self { name: name.into(), about: about.into(), commands: Vec::new() }
    }

    command_methods!();

    #[track_caller]
    fn add_command(&mut self, command: Command) -> &mut Self {
        self.commands.push((command, Location::caller()));
        self
    }
}

impl App {
    command_methods!();

    /// Adds a group of commands. Groups of the same name become one.
    pub fn command_group(&mut self, group: CommandGroup) -> &mut Self {
        for (command, location) in group.commands {
            let added = Command::add_to(&mut self.commands, Some((&group.name, &group.about)), command);
            self.rules.setup_errors.extend(added.err().map(|error| error.with_location(location)));
        }
        self
    }

    #[track_caller]
    fn add_command(&mut self, command: Command) -> &mut Self {
        let location = Location::caller();
        let added = Command::add_to(&mut self.commands, None, command);
        self.add_setup_errors(added.err().map(|error: Error| error.with_location(location)));
        self
    }

    /// The commands that the app has added.
    #[cfg(feature = "cli")]
    pub(crate) fn commands(&self) -> &[Command] {
        &self.commands
    }
}
