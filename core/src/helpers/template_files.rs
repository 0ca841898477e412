//! The templates of an app: read at start-up, and checked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use minijinja::Environment;

use super::folder::{Folder, Place};
use super::template_names::unknown_names;
use crate::error::Error;

/// Makes the templates in `folder` known. Without `reload` all are read now, so that an error in one shows at
/// start-up.
pub(crate) fn load(templates: &mut Environment<'static>, folder: &Folder, reload: bool) -> Result<(), Error> {
    let cannot = |what: String| Error::setup_without_line(format!("the template folder {}: {what}", shown(folder)));
    match &folder.0 {
        Place::Disk(folder) => {
            templates.set_loader(minijinja::path_loader(folder));
            templates.set_auto_reload(reload);
            if reload {
                return Ok(());
            }
            let remedy = "give `app.template_folder(..)` a folder that can be read";
            for file in files_below(folder).map_err(|error| cannot(format!("{error}: {remedy}")))? {
                let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().replace('\\', "/");
                // A file that is not text is not a template, but it may be in the folder.
                if fs::read_to_string(&file).is_ok() {
                    templates.get_template(&name).map_err(|error| cannot(format!("{error:#}")))?;
                }
            }
        }
        Place::Program(files) => {
            for (name, content) in &**files {
                if let Ok(source) = String::from_utf8(content.bytes.to_vec()) {
                    let added = templates.add_template_owned(name.clone(), source);
                    added.map_err(|error| cannot(format!("{error:#}")))?;
                }
            }
        }
    }
    Ok(())
}

/// Returns a set-up error for each filter, test and function that a template uses and that is not there. `given` are the
/// names that templates get from elsewhere; `None` if any name may be given.
pub(crate) fn check(templates: &Environment<'static>, given: Option<BTreeSet<&str>>) -> Vec<Error> {
    unknown_names(templates, given.as_ref()).into_iter().map(Error::setup_without_line).collect()
}

fn shown(folder: &Folder) -> String {
    match &folder.0 {
        Place::Disk(path) => path.display().to_string(),
        Place::Program(_) => "in the program".to_owned(),
    }
}

fn files_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Links are not followed, because they may lead in a circle; a linked template is read at its first use.
        match entry.file_type()? {
            kind if kind.is_dir() => files.extend(files_below(&entry.path())?),
            kind if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    Ok(files)
}
