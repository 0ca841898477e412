//! Tests of the module `cli` through the public API: commands, their groups, and what they write.

use costrel::cli::{CliResult, clap, echo};
use costrel::{App, Blueprint, CommandGroup, Error, current_app, g};
use rstest::rstest;

/// Add a user.
#[derive(clap::Parser)]
#[command(name = "add")]
struct AddUser {
    /// The name of the user.
    name: String,
    #[arg(long, default_value_t = 18)]
    age: u8,
    #[arg(long)]
    admin: bool,
}

fn run(app: App, words: &[&str]) -> CliResult {
    app.test_cli_runner().invoke(words.iter().copied()).wait().unwrap()
}

fn add(user: AddUser) -> Result<(), Error> {
    if user.age < 18 {
        return Err(Error::setup("too young"));
    }
    echo(format!("{} {} {} {}", current_app().name(), user.name, user.age, user.admin));
    Ok(())
}

#[rstest]
#[case(&["add", "Ada"], 0, "shop Ada 18 false\n")]
#[case(&["add", "--age", "36", "Ada", "--admin"], 0, "shop Ada 36 true\n")]
#[case(&["add"], 2, "<NAME>")]
#[case(&["add", "Ada", "--age", "old"], 2, "invalid value 'old'")]
#[case(&["add", "Ada", "--age", "7"], 1, "error: ")]
#[case(&["add", "--help"], 0, "The name of the user")]
#[case(&["--help"], 0, "Add a user")]
#[case(&["nothing"], 2, "nothing")]
#[case(&["routes"], 0, "Endpoint")]
#[case(&["run"], 1, "test_client()")]
fn a_command_has_typed_arguments(
    #[values(true, false)] sync: bool,
    #[case] words: &[&str],
    #[case] exit_code: i32,
    #[case] output: &str,
) {
    let mut app = App::new("shop");
    if sync {
        app.typed_command(add);
    } else {
        app.typed_command(async |user: AddUser| {
            tokio::task::yield_now().await;
            add(user)
        });
    }
    let ran = run(app, words);
    assert!(ran.exit_code == exit_code && ran.output.contains(output), "{ran:?}");
    assert_eq!(ran.error.is_some(), exit_code == 1);
}

#[rstest]
#[case(&["user", "list"], "list")]
#[case(&["user", "add", "Ada"], "shop Ada 18 false")]
#[case(&["blog", "clear"], "clear blog")]
#[case(&["user", "purge"], "purge")]
#[case(&["beside", "a", "b"], "a b")]
#[case(&["blog.part", "deep"], "deep")]
fn commands_may_be_in_groups(#[case] words: &[&str], #[case] output: &str) {
    let mut users = CommandGroup::new("user", "Manage users.");
    users.command("list", "List them.", async || echo("list")).typed_command(add);
    let mut blog = Blueprint::new("blog");
    blog.command("clear", "Clear it.", || echo("clear blog"));
    let mut part = Blueprint::new("part");
    part.command("deep", "In a nested one.", || echo("deep"));
    blog.register_blueprint(part);
    let mut more = Blueprint::new("more").cli_group(Some("user"));
    more.command("purge", "In the group of users.", || echo("purge"));
    let mut beside = Blueprint::new("beside").cli_group(None);
    beside.command("beside", "Beside the app's.", |words: Vec<String>| echo(words.join(" ")));
    let mut app = App::new("shop");
    app.command_group(users);
    for blueprint in [blog, more, beside] {
        app.register_blueprint(blueprint);
    }
    let application = app.build().unwrap();
    let ran = application.test_cli_runner().invoke(words.iter().copied()).wait().unwrap();
    assert_eq!((ran.output.trim_end(), ran.exit_code), (output, 0));
    assert!(application.invoke(words[0], words[1..].iter().copied()).wait().is_ok());
}

#[test]
fn a_group_without_its_command_is_an_error_that_lists_them() {
    let mut users = CommandGroup::new("user", "Manage users.");
    users.command("list", "List them.", || ());
    let mut app = App::new("shop");
    app.command_group(users);
    let application = app.build().unwrap();
    for words in [&["user"][..], &["user", "lst"]] {
        let ran = application.test_cli_runner().invoke(words.iter().copied()).wait().unwrap();
        assert!(ran.exit_code == 2 && ran.output.contains("list"), "{ran:?}");
    }
    assert!(application.invoke("user", ["lst"]).wait().unwrap_err().message().contains("\"user lst\""));
}

#[rstest]
#[case("run", "other")]
#[case("twice", "twice")]
#[case("group", "other")]
fn a_name_that_is_taken_is_a_set_up_error_at_its_line(#[case] first: &str, #[case] second: &str) {
    let mut app = App::new("shop");
    app.command(first, "First.", || ());
    app.command(second, "Second.", || ());
    let mut group = CommandGroup::new("group", "A group.");
    group.command("member", "A member.", || ());
    app.command_group(group);
    let error = app.build().unwrap_err();
    assert!(error.message().contains("already") && error.location().unwrap().file().ends_with("cli.rs"), "{error}");
}

/// Each command writes into its own result, whatever runs beside it.
#[test]
fn commands_that_run_at_once_do_not_mix_their_output() {
    let mut app = App::new("shop");
    app.command("count", "Count.", |words: Vec<String>| {
        for n in 0..50 {
            echo(format!("{}{n}", words[0]));
        }
        g().set("seen", true);
    });
    let runner = app.test_cli_runner();
    std::thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let runner = runner.clone();
            scope.spawn(move || {
                let output = runner.invoke(["count", name]).wait().unwrap().output;
                assert!(output.lines().count() == 50 && output.lines().all(|line| line.starts_with(name)), "{output}");
            });
        }
    });
}
