//! The templates and static files: read from disk while one develops, and in the program in a release build.

use costrel::Folder;

/// A file's path with its content.
type File = (&'static str, &'static str);

const TEMPLATES: [File; 6] = [
    ("base.html", include_str!("../templates/base.html")),
    ("auth/login.html", include_str!("../templates/auth/login.html")),
    ("auth/register.html", include_str!("../templates/auth/register.html")),
    ("blog/index.html", include_str!("../templates/blog/index.html")),
    ("blog/create.html", include_str!("../templates/blog/create.html")),
    ("blog/update.html", include_str!("../templates/blog/update.html")),
];

const STATICS: [File; 1] = [("style.css", include_str!("../static/style.css"))];

pub(crate) fn templates() -> Folder {
    folder("templates", &TEMPLATES)
}

pub(crate) fn statics() -> Folder {
    folder("static", &STATICS)
}

fn folder(name: &str, files: &'static [File]) -> Folder {
    if cfg!(debug_assertions) {
        format!("{}/{name}", env!("CARGO_MANIFEST_DIR")).into()
    } else {
        Folder::embedded(files.iter().copied())
    }
}
