//! The command `trace`, which sends the app a request and shows what ran where.

use std::io::{self, Write as _, stdout};
use std::net::SocketAddr;

use clap::{Arg, ArgAction, ArgMatches, Command};
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Uri};

use crate::context::Application;
use crate::error::{Error, ErrorKind};
use crate::execution::{Recorder, Trace};
use crate::http_types::Body;
use crate::lifecycle::{InspectRequested, Inspection};

/// Builds the parser of the command.
pub(super) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("trace")
        .about("Send the app a request and show what ran on which thread: `trace GET /`, `trace /`.")
        .arg(
            Arg::new("request")
                .num_args(1..=2)
                .required(true)
                .value_names(["METHOD", "PATH"])
                .help("GET, if left out."),
        )
        .arg(
            Arg::new("header")
                .long("header")
                .short('H')
                .action(ArgAction::Append)
                .value_name("NAME: VALUE")
                .value_parser(parse_header)
                .help("A header of the request."),
        )
        .arg(Arg::new("data").long("data").short('d').value_name("TEXT").help("The body of the request."))
        .arg(
            Arg::new("after")
                .long("after")
                .value_name("N")
                .default_value("0")
                .value_parser(clap::value_parser!(u32).range(..=100_000))
                .help("Send the request N times before, so that the app has warmed up."),
        )
        .arg(flag("json", "Print JSON.").conflicts_with("svg"))
        .arg(flag("svg", "Print a picture."))
}

/// Sends the request and prints its timeline.
pub(super) fn run(application: &Application, arguments: &ArgMatches) -> Result<(), Error> {
    let trace = send(application, arguments)?;
    let shown = match () {
        () if arguments.get_flag("json") => format!("{:#}\n", trace.to_json()),
        () if arguments.get_flag("svg") => trace.to_svg() + "\n",
        () => trace.to_text(),
    };
    match stdout().write_all(shown.as_bytes()) {
        // A closed pipe (`trace / | head`) is not an error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Sends the request to the app between its start-up and its shutdown, on an event loop as the server has it.
fn send(application: &Application, arguments: &ArgMatches) -> Result<Trace, Error> {
    let event_loop = application.new_event_loop()?;
    let after = arguments.get_one::<u32>("after").copied().unwrap_or(0);
    let outcome = event_loop.block_on(async {
        let test_app = application.test_app();
        test_app.startup().await?;
        application.allow_in_place();
        let mut traced = Err(Error::outside_context("request"));
        for _ in 0..=after {
            let request = request(application, arguments)?;
            // As a task, because this thread is not one of the event loop's.
            traced = tokio::spawn(answer(application.clone(), request)).await?;
        }
        test_app.shutdown().await?;
        traced
    });
    event_loop.shutdown_background();
    outcome
}

/// Handles the request, reads the whole response and returns the timeline.
async fn answer(application: Application, request: http::Request<Body>) -> Result<Trace, Error> {
    let (mut head, body) = application.call(request).await.into_parts();
    let inspection = head.extensions.remove::<Inspection>();
    body.collect().await?;
    let recorder = inspection.as_ref().and_then(|inspection| inspection.context.recorder());
    Ok(recorder.map(Recorder::trace).unwrap_or_default())
}

fn request(application: &Application, arguments: &ArgMatches) -> Result<http::Request<Body>, Error> {
    let (method, path) = method_and_path(arguments)?;
    let host = application.handle().config().server_name.as_deref().unwrap_or("localhost");
    let data = arguments.get_one::<String>("data").cloned().unwrap_or_default();
    let mut request = http::Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, host)
        .header(header::CONTENT_LENGTH, data.len())
        .extension(SocketAddr::from(([127, 0, 0, 1], 1)))
        .extension(InspectRequested { with_trace: true });
    for (name, value) in arguments.get_many::<(HeaderName, HeaderValue)>("header").into_iter().flatten() {
        if let Some(headers) = request.headers_mut() {
            headers.insert(name, value.clone());
        }
    }
    Ok(request.body(Body::from(data))?)
}

/// Reads `PATH` or `METHOD PATH`.
fn method_and_path(arguments: &ArgMatches) -> Result<(Method, Uri), Error> {
    let words: Vec<_> = arguments.get_many::<String>("request").into_iter().flatten().map(String::as_str).collect();
    let (method, path) = match words[..] {
        [method, path] => (method.to_ascii_uppercase(), path),
        _ => ("GET".to_owned(), words.first().copied().unwrap_or("/")),
    };
    if !path.starts_with('/') {
        return Err(wrong(format!("{path:?} is not a path: write {:?}", format!("/{path}"))));
    }
    let method = method.parse().map_err(|_| wrong(format!("{method:?} is not a method")))?;
    let path = path.parse().map_err(|error| wrong(format!("{path:?} is not a path: {error}")))?;
    Ok((method, path))
}

/// Reads `Name: value`.
fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write `Name: value`")?;
    let name = name.trim().parse().map_err(|_| format!("{name:?} is not the name of a header"))?;
    let value = value.trim().parse().map_err(|_| format!("{value:?} is not the value of a header"))?;
    Ok((name, value))
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Other, message)
}
