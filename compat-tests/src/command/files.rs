//! The files that `compat` writes its reports to.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use costrel::Error;

use super::options::Options;
use super::refused;
use crate::report::{Report, RouteReport, badge, html, json, junit};

/// The files for the reports, opened before the check, because a check is long and a path may be wrong.
pub(super) struct Files {
    json: Option<Opened>,
    html: Option<Opened>,
    junit: Option<Opened>,
    badge: Option<Opened>,
}

struct Opened {
    path: PathBuf,
    file: File,
}

impl Files {
    pub(super) fn open(options: &Options) -> Result<Self, Error> {
        let open = |name| options.file(name).map(Opened::new).transpose();
        Ok(Self { json: open("json")?, html: open("html")?, junit: open("junit")?, badge: open("badge")? })
    }

    /// Writes every report that is wanted, also if one of them cannot be written.
    pub(super) fn write(self, reports: &[Report], routes: &[RouteReport]) -> Result<(), Error> {
        let written = [
            self.json.map(|opened| opened.write(&format!("{:#}\n", json(reports, routes)))),
            self.html.map(|opened| opened.write(&html(reports, routes))),
            self.junit.map(|opened| opened.write(&junit(reports, routes))),
            self.badge.map(|opened| opened.write(&badge(reports))),
        ];
        written.into_iter().flatten().collect()
    }
}

impl Opened {
    fn new(path: &PathBuf) -> Result<Self, Error> {
        // Not truncated yet: an existing report stays until the new one can be written.
        let file = File::options().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|error| refused(format!("cannot write \"{}\": {error}", path.display())))?;
        Ok(Self { path: path.clone(), file })
    }

    fn write(mut self, text: &str) -> Result<(), Error> {
        // A pipe or a terminal has no length to set.
        let is_file = self.file.metadata().is_ok_and(|metadata| metadata.is_file());
        let emptied = if is_file { self.file.set_len(0) } else { Ok(()) };
        let written = emptied.and_then(|()| self.file.write_all(text.as_bytes()));
        written.map_err(|error| refused(format!("cannot write \"{}\": {error}", self.path.display())))
    }
}
